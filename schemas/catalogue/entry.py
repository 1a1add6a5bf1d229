"""The entries of the catalogue: `document` makes one for a document type, `reading` for an operation that reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from schemas import structs
from schemas.content import Content, Digested, contents
from schemas.operation import Access, Example, Operation
from schemas.outcomes import OutcomeData
from schemas.reasons import Reason
from schemas.scalars import STORED, Keyring, Wire
from schemas.scopes import Scope

# Reasons for which an operation on a customer, or on a gift card, is refused.
NO_CUSTOMER: Final = (Reason.CUSTOMER_NOT_FOUND, Reason.CUSTOMER_ERASED, Reason.CUSTOMER_BLOCKED)
NO_CARD: Final = (Reason.CARD_NOT_ACCEPTED, Reason.CURRENCY_MISMATCH, Reason.CARD_EXPIRED, Reason.CARD_FROZEN)


@dataclass(frozen=True, slots=True)
class DocumentType:
    """A document type on the wire. `code` is the type's number in the database, for ever."""

    name: str
    code: int
    model: type[Wire]
    id_field: str
    # Parsed JSON and the tenant's keyring → a model. Raises pydantic.ValidationError. Plain card numbers end here.
    validate: Callable[[object, Keyring], Any]
    # By version of the digest: (model, index of a key) → the content to digest, of str, int, bool, None and tuples
    # only. A version that is older than the type is not in it.
    contents: Mapping[int, Callable[[Any, int], Content]]
    digest_version: int  # of the digests of new documents
    # Fast readers for documents that tills send, by whether all texts are printable ASCII.
    quick: Mapping[bool, structs.Quick]
    operation: Operation  # the interfaces offer the type as this
    example: Example

    def content(self, document: structs.Model, key_index: int, version: int) -> Content:
        """Return the content from which the document's digest of this version is made."""
        return self.contents[version](document, key_index)

    def dump(self, document: structs.Model) -> dict[str, Any]:
        """Return the stored form: only dict, tuple, str, bytes, int, bool and None."""
        return structs.dump(document) if isinstance(document, structs.Struct) else document.model_dump()

    def restore(self, stored: object) -> Any:  # noqa: ANN401  # an instance of `model`
        """Return the model from which `dump` was made. Lists are accepted for tuples."""
        return self.validate(stored, STORED)


@dataclass(frozen=True, slots=True)
class Reading:
    """The entry of an operation that becomes no document."""

    operation: Operation


Entry = DocumentType | Reading


def document(  # noqa: PLR0913  an entry is one call with named arguments
    name: str,
    code: int,
    model: type[Wire],
    *,
    scope: Scope,
    summary: str,
    content: Digested,
    example: Example,
    answered: Example,
    asked: Example | None = None,
    operation: str = "",
    refusals: tuple[Reason, ...] = (),
    access: Access = Access.WRITE,
    answer: type[BaseModel] = OutcomeData,
    id_field: str = "command_id",
) -> DocumentType:
    """Return the entry of a document type.

    `operation`: its name at the interfaces, if not `name` without `crm.`. `refusals`: the reasons that it can get.
    `content`: see `schemas.content.Digested`. `example`: the document's data; `asked`: the body of a request, if not
    `example` without the members that the interface fills in; `answered`: the data of its outcome.
    """
    validate_python = TypeAdapter(model).validator.validate_python

    def validate(data: object, keyring: Keyring) -> Wire:
        return validate_python(data, context=keyring)  # type: ignore[no-any-return]

    by_version = contents(content)
    texts = (False, True) if name.startswith("scm.") else ()
    quick = {ascii_only: structs.Quick(model, ascii_only=ascii_only) for ascii_only in texts}
    offered = Operation(
        operation or name.removeprefix("crm."),
        summary,
        scope,
        access,
        model,
        answer,
        name,
        id_field,
        refusals,
        example if asked is None else asked,
        answered,
    )
    return DocumentType(name, code, model, id_field, validate, by_version, max(by_version), quick, offered, example)


def reading(  # noqa: PLR0913  as above
    name: str,
    request: type[BaseModel],
    answer: type[BaseModel],
    *,
    scope: Scope | None,
    summary: str,
    asked: Example,
    answered: Example,
    refusals: tuple[Reason, ...] = (),
    access: Access = Access.READ,
) -> Reading:
    """Return the entry of an operation that becomes no document. `scope`: None if every API key has it."""
    return Reading(
        Operation(
            name, summary, scope, access, request, answer, refusals=refusals, example=asked, answer_example=answered
        )
    )
