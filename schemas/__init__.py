"""What goes over the wire (docs/contract.md): the models from which JSON Schemas, AsyncAPI and
OpenAPI are generated.
"""
