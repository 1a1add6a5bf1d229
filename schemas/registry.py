"""Every document type, by its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from pydantic import TypeAdapter

from schemas import commands, documents, structs
from schemas.content import VERSIONS, Content
from schemas.scalars import STORED, Keyring, Wire


@dataclass(frozen=True, slots=True)
class DocumentType:
    """How documents of a type are read and compared. `code` is the type's number in the database, for ever."""

    name: str
    code: int
    model: type[Wire]
    id_field: str
    # Parsed JSON and the tenant's keyring → a model. Raises pydantic.ValidationError. Plain card numbers end here.
    validate: Callable[[object, Keyring], Any]
    # By the digest's version: a model and the index of a key → what its digest is made from, only str, int, bool,
    # None and tuples. A type that is younger than a version is not in it.
    contents: Mapping[int, Callable[[Any, int], Content]]
    digest_version: int  # of the digests of new documents
    # Of a document that tills send in numbers, by whether all its texts are printable ASCII.
    quick: Mapping[bool, structs.Quick]

    def content(self, document: structs.Model, key_index: int, version: int) -> Content:
        """Return what the document's digest of this version is made from."""
        return self.contents[version](document, key_index)

    def dump(self, document: structs.Model) -> dict[str, Any]:
        """Return the stored form: only dict, tuple, str, bytes, int, bool and None."""
        return structs.dump(document) if isinstance(document, structs.Struct) else document.model_dump()

    def restore(self, stored: object) -> Any:  # noqa: ANN401  # an instance of `model`
        """Return the model from which `dump` was made. Lists are accepted for tuples."""
        return self.validate(stored, STORED)


def _document_type(name: str, code: int, model: type[Wire], id_field: str) -> DocumentType:
    validate_python = TypeAdapter(model).validator.validate_python

    def validate(data: object, keyring: Keyring) -> Wire:
        return validate_python(data, context=keyring)  # type: ignore[no-any-return]

    contents = {version: of_type[name] for version, of_type in VERSIONS.items() if name in of_type}
    texts = (False, True) if name.startswith("scm.") else ()
    quick = {ascii_only: structs.Quick(model, ascii_only=ascii_only) for ascii_only in texts}
    return DocumentType(name, code, model, id_field, validate, contents, max(contents), quick)


_DOCUMENTS: Final = (
    ("scm.sale.completed", 1, documents.SaleCompleted, "sale_id"),
    ("scm.sale.voided", 2, documents.SaleVoided, "sale_id"),
    ("scm.return.completed", 3, documents.ReturnCompleted, "return_id"),
    ("scm.tender.requested", 4, documents.TenderRequested, "tender_id"),
    ("scm.tender.captured", 5, documents.TenderCaptured, "tender_id"),
    ("scm.tender.voided", 6, documents.TenderVoided, "tender_id"),
    ("scm.return.voided", 7, documents.ReturnVoided, "return_id"),
)
_COMMANDS: Final = (
    ("crm.customer.create", 10, commands.CustomerCreate),
    ("crm.customer.update", 11, commands.CustomerUpdate),
    ("crm.customer.erase", 12, commands.CustomerErase),
    ("crm.customer.merge", 13, commands.CustomerMerge),
    ("crm.consent.set", 14, commands.ConsentSet),
    ("crm.policy.put", 15, commands.PolicyPut),
    ("crm.loyalty.earn", 16, commands.LoyaltyEarn),
    ("crm.loyalty.redeem", 17, commands.LoyaltyRedeem),
    ("crm.loyalty.adjust", 18, commands.LoyaltyAdjust),
    ("crm.loyalty.restore", 19, commands.LoyaltyRestore),
    ("crm.loyalty.reverse", 20, commands.LoyaltyReverse),
    ("crm.giftcard.issue", 21, commands.GiftCardIssue),
    ("crm.giftcard.redeem", 22, commands.GiftCardRedeem),
    ("crm.giftcard.reload", 23, commands.GiftCardReload),
    ("crm.giftcard.reverse", 24, commands.GiftCardReverse),
    ("crm.giftcard.freeze", 25, commands.GiftCardFreeze),
    ("crm.giftcard.unfreeze", 26, commands.GiftCardUnfreeze),
    ("crm.giftcard.link", 27, commands.GiftCardLink),
    ("crm.giftcard.transfer", 28, commands.GiftCardTransfer),
    ("crm.pool.join", 29, commands.PoolJoin),
    ("crm.pool.leave", 30, commands.PoolLeave),
    ("crm.loyalty.transfer", 31, commands.LoyaltyTransfer),
    ("crm.giftcard.extend", 32, commands.GiftCardExtend),
    ("crm.giftcard.replace", 33, commands.GiftCardReplace),
    ("crm.loyalty.claim", 34, commands.LoyaltyClaim),
)

DOCUMENTS: Final[Mapping[str, DocumentType]] = MappingProxyType(
    {
        name: _document_type(name, code, model, id_field)
        for name, code, model, id_field in (*_DOCUMENTS, *((*command, "command_id") for command in _COMMANDS))
    }
)
BY_CODE: Final[Mapping[int, DocumentType]] = MappingProxyType({kind.code: kind for kind in DOCUMENTS.values()})
