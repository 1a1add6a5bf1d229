// Talks to an MCP server through the official TypeScript SDK. Stdin: {"command", "args"} or {"url", "headers"}, and
// "calls": [{"name", "arguments"}]. Stdout: {"tools", "results"}, in the place of a result {"thrown"} if the SDK threw.
import { readFileSync } from "node:fs";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const { command, args, url, headers, calls } = JSON.parse(readFileSync(0, "utf8"));
const transport = url
  ? new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } })
  : new StdioClientTransport({ command, args, env: process.env });
const client = new Client({ name: "g3n-tests", version: "1" });
await client.connect(transport);
const { tools } = await client.listTools(); // from here on the SDK holds each answer against its output schema
const results = [];
for (const call of calls) {
  results.push(await client.callTool(call).catch((error) => ({ thrown: error.message })));
}
await client.close();
console.log(JSON.stringify({ tools, results }));
