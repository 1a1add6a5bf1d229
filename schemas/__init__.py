"""What goes over the wire (docs/contract.md). It imports nothing of the worker.

- `documents`, `commands` and `card_commands` have the models of what comes in, `cards` and `policy` parts of them,
  `outcomes` and `envelope` what goes out. `requests` and `views` have the questions and answers of operations that only
  read.
- `catalogue` has one entry for each document type and operation. `registry`, `operations` and `examples` look it up.
- `content` says what makes two documents duplicates, by version. `structs` derives the quick way to read documents.
- `reasons`, `problems`, `errors` and `scopes` have the words in which the engine refuses.
- `generate` writes JSON Schemas (`json_schema`), AsyncAPI (`asyncapi`) and OpenAPI (`openapi`, `portable`).
"""
