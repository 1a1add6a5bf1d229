"""What the documents of the tills ask of gift cards and points, as their records on the topics say it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from schemas.registry import DOCUMENTS
from worker.codec import Decoder, Document, Record

_EPOCH: Final = date(1970, 1, 1)
_DAY_US: Final = 86_400_000_000
SALE, RETURN, CAPTURE = "scm.sale.completed", "scm.return.completed", "scm.tender.captured"
ASKING: Final = frozenset(DOCUMENTS[name].code for name in (SALE, RETURN, CAPTURE))
STORED_VALUE: Final = ("gift_card", "points")


class Part(NamedTuple):
    """An amount that a document asks of a tender."""

    tender_id: str
    kind: str
    amount_minor: int


@dataclass(slots=True)
class Claim:
    """A sale or a return. `parts`: tenders that it takes, or refunds. `loads_minor`: what it puts on gift cards."""

    orgcode: str
    type: str
    subject: str
    store: str
    day: date
    currency: str
    sale_id: str | None
    parts: list[Part]
    loads_minor: int


@dataclass(slots=True)
class Claims:
    """`captures`: the least amount that a capture names, by tenant and tender."""

    decoder: Decoder
    found: dict[tuple[str, str, str], Claim] = field(default_factory=dict)
    captures: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, records: Iterable[Record], now_us: int) -> None:
        """Note what these records ask. Records that hold no document ask nothing."""
        for record in records:
            document = self.decoder.decode(record, now_us)
            if not isinstance(document, Document) or document.model.training:
                continue
            model: Any = document.model
            if document.type == CAPTURE:
                at = document.orgcode, document.subject
                if model.amount_minor is not None:
                    self.captures[at] = min(model.amount_minor, self.captures.get(at, model.amount_minor))
                continue
            claim = _claim(document, model)
            if claim.parts or claim.loads_minor:
                self.found[document.orgcode, document.type, document.subject] = claim


def _claim(document: Document, model: Any) -> Claim:  # noqa: ANN401  a model or a struct
    if document.type == SALE:
        asked = [Part(one.tender_id, one.kind, one.amount_minor) for one in model.tenders]
        loads = sum(line.load_minor for line in model.lines if line.gift_card is not None)
        days = model.business_date
    else:
        sums: dict[tuple[str, str], int] = {}
        for one in model.refunds:
            if one.tender_id is not None:
                sums[one.tender_id, one.kind] = sums.get((one.tender_id, one.kind), 0) + one.amount_minor
        asked = [Part(*at, amount) for at, amount in sums.items()]
        loads = sum(one.amount_minor for one in model.refunds if one.gift_card is not None)
        days = None
    return Claim(
        document.orgcode, document.type, document.subject, model.store_id or "",
        _EPOCH + timedelta(days=model.occurred_at // _DAY_US if days is None else days), model.currency, model.sale_id,
        [part for part in asked if part.kind in STORED_VALUE and part.amount_minor], loads,
    )  # fmt: skip
