"""The wire format (docs/contract.md). Imports nothing from the worker.

- `documents`, `commands` and `card_commands` have the models of documents, `cards` and `policy` parts of them.
  `outcomes` and `envelope` have the models of messages. `requests` and `views` have the requests and answers of
  operations that only read.
- `catalogue` has one entry for each document type and operation. `registry`, `operations` and `examples` look it up.
- `content` says, by version, when two documents are duplicates. `structs` derives fast readers from the models.
- `reasons`, `problems`, `errors` and `scopes` have the texts of refusals.
- `generate` writes JSON Schemas (`json_schema`), AsyncAPI (`asyncapi`) and OpenAPI (`openapi`, `portable`).
"""
