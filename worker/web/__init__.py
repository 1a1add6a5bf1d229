"""An HTTP/1.1 server within limits: uvicorn with its httptools parser, and bounds on what a connection may hold.

The API, the probes of a process (`health`) and MCP over HTTP all use `server`. `connection` limits one connection in
time and bytes, `connections` divides the connections among addresses, keys and tenants, and `strict` refuses requests
that a proxy might read differently. Nothing here knows an operation or a setting.

docs/decisions/http-server.md says why uvicorn, why httptools, and what was measured.
"""
