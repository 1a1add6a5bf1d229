"""`g3n mcp`: the operations of the API as MCP tools. Like `g3n crm`, it is a client of the HTTP API (contract §5)."""
