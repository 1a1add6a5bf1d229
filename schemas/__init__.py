"""What goes over the wire (contract.md): the models from which JSON Schemas and AsyncAPI are generated."""
