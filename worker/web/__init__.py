"""An HTTP/1.1 server in bounds: uvicorn with its httptools parser, and limits on what a connection may hold.

The API, the probes of a worker and MCP over HTTP all listen through `server`. `connection` bounds one connection in
time and bytes, `connections` divides the connections among addresses, keys and tenants, `strict` refuses requests that
a proxy may read differently. Nothing here knows an operation or a setting.

docs/decisions/http-server.md says why uvicorn, why httptools, and what was measured.
"""
