"""One entry for each document type and each operation: everything that the wire knows of it besides its model's
members.

An entry names the model, the number in the database, the content by digest version, and the operation with its scope,
access and summary. It has an example of the request and of the answer. `schemas.registry` finds a document type by name
or number, `schemas.operations` an operation by name, `schemas.examples` an example. JSON Schemas, AsyncAPI, OpenAPI,
HTTP routes, `g3n crm` and the MCP tools are made from these.

The order is that of the operations in all of them.
"""

from typing import Final

from schemas.catalogue import customers, gift_cards, loyalty, operators, sales, tenders
from schemas.catalogue.entry import Entry

ENTRIES: Final[tuple[Entry, ...]] = (
    *customers.ENTRIES,
    *loyalty.ENTRIES,
    *gift_cards.ENTRIES,
    *sales.ENTRIES,
    *tenders.ENTRIES,
    *operators.ENTRIES,
)
