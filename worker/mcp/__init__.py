"""`g3n mcp`: the operations of the doors as MCP tools; a client of the HTTP API, like `g3n crm` (contract §5)."""
