"""`g3n mcp`: the operations of the API as MCP tools. Like `g3n crm`, it is a client of the HTTP API (contract §5).

`server` answers the protocol over `stdio` or `http`. `tools` makes a tool of each operation, `calls` takes a call from
top to bottom, `previews` and `confirmations` guard dangerous ones. `guides` says when an assistant should use a tool:
a new operation needs a line there, and nothing else here.
"""
