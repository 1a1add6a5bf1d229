// Reads an AsyncAPI document with AsyncAPI's own parser; leaves with 1 where it finds an error or a warning.
import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const SEVERITIES = ["error", "warning", "information", "hint"];
const WARNING = 1;

const path = process.argv[2];
const { document, diagnostics } = await new Parser().parse(await readFile(path, "utf8"), { source: path });
for (const { severity, range, path: where, message } of diagnostics) {
  console.error(`${path}:${range.start.line + 1}: ${SEVERITIES[severity]}: ${where.join(".")}: ${message}`);
}
const failed = !document || diagnostics.some(({ severity }) => severity <= WARNING);
if (!failed) {
  console.log(`${path}: AsyncAPI ${document.version()}, ${document.channels().all().length} channels, ${document.allMessages().all().length} messages`);
}
process.exit(failed ? 1 : 0);
