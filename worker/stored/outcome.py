"""An outcome within `event.facts`: everything from which its bytes are made."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple, Self

from schemas.tuples import made
from worker.domain.state.accounts import POINTS_ACCOUNT, AccountType
from worker.domain.state.outcome import CardPart, Notice, Outcome, PointsPart, TenderPart
from worker.stored.codes import STATUS_CODE
from worker.stored.packing import trimmed

StoredId = str | Literal[True] | None
"""True: the id is the document's subject."""


class OutcomeV1(NamedTuple):
    """The members that the encoders of version 1 read. `lines` has (line_id, points) of each line, in a row.

    The parts are the domain's tuples. The order of their members never changes. A new member stands at the end, with a
    default.
    """

    time_us: int
    status: int
    reason: str | None
    customer_id: StoredId
    sale_id: StoredId
    return_id: StoredId
    tender_id: StoredId
    points: PointsPart | None
    gift_cards: list[CardPart]
    tender: TenderPart | None
    tenders: list[TenderPart]
    lines: list[int]
    policy_version: int | None
    notice: str | None
    counterparty: tuple[str, PointsPart] | None = None
    notices: Sequence[Notice] = ()

    @classmethod
    def of(cls, outcome: Outcome, subject: str, time_us: int) -> Self:
        reason, other, customer_id = outcome.reason, outcome.counterparty, outcome.customer_id
        members = (
            time_us,
            STATUS_CODE[outcome.status],
            None if reason is None else reason.value,
            customer_id if customer_id != subject else True,
            outcome.sale_id if outcome.sale_id != subject else True,
            outcome.return_id if outcome.return_id != subject else True,
            outcome.tender_id if outcome.tender_id != subject else True,
            _told_of(outcome.points, customer_id),
            outcome.gift_cards,
            _tender_of(outcome.tender),
            [_tender_of(part) for part in outcome.tenders] if outcome.tenders else [],
            outcome.lines,
            outcome.policy_version,
            outcome.notice or None,
            None if other is None else (other[0], _told_of(other[1], other[0])),
            tuple(one._replace(points=_told_of(one.points, one.customer_id)) for one in outcome.notices)
            if outcome.notices
            else (),
        )
        return made(cls, members)

    @classmethod
    def restore(cls, members: list[Any]) -> Self:
        """Return the outcome from its unpacked members, whose list it takes over."""
        if members[_POINTS_AT] is not None:
            members[_POINTS_AT] = _points(members[_POINTS_AT])
        restored = cls(*members)
        stored: Any = restored  # its other parts are lists
        other = stored.counterparty
        if not (stored.gift_cards or stored.tender or stored.tenders or other or stored.notices):
            return restored
        return restored._replace(
            gift_cards=[CardPart(*part) for part in stored.gift_cards],
            tender=None if stored.tender is None else _read_tender(stored.tender),
            tenders=[_read_tender(part) for part in stored.tenders],
            counterparty=None if other is None else (other[0], _points(other[1])),
            notices=tuple(Notice(type_, id_, _points(points)) for type_, id_, points in stored.notices),
        )

    @staticmethod
    def plain_change(members: list[Any]) -> tuple[int, int | None] | None:
        """Return status and change of points, if nothing else moved: no gift card, no other customer's points."""
        if len(members) > _PLAIN or members[_CARDS]:
            return None
        points = members[_POINTS_AT]
        return members[_STATUS], None if points is None else points[_CHANGE]

    def members(self) -> tuple[Any, ...]:
        """Return the members to be packed."""
        (
            time_us, status, reason, customer_id, sale_id, return_id, tender_id, points, cards, tender, tenders, lines,
            policy_version, notice, other, notices,
        ) = self  # fmt: skip
        first = (
            time_us, status, reason, customer_id, sale_id, return_id, tender_id,
            None if points is None else _stored_points(points), [tuple(card) for card in cards],
            None if tender is None else _tender(tender), [_tender(part) for part in tenders] if tenders else [], lines,
            policy_version, notice,
        )  # fmt: skip
        if other is None and not notices:
            return first
        counterparty = None if other is None else (other[0], _stored_points(other[1]))
        if not notices:
            return (*first, counterparty)
        return (*first, counterparty, tuple((type_, id_, _stored_points(part)) for type_, id_, part in notices))

    def points_by_line(self) -> Iterator[tuple[int, int]]:
        """Return (line_id, points) of each line."""
        numbers = iter(self.lines)
        return zip(numbers, numbers, strict=True)


_STATUS: Final = OutcomeV1._fields.index("status")
_POINTS_AT: Final = OutcomeV1._fields.index("points")
_CARDS: Final = OutcomeV1._fields.index("gift_cards")
_PLAIN: Final = OutcomeV1._fields.index("counterparty")
_CHANGE: Final = PointsPart._fields.index("change")
# Members that every stored part has. Later members follow them, and are stored only if they differ from the default.
_POINTS: Final = PointsPart._fields.index("claimed") + 1
_TENDER: Final = TenderPart._fields.index("moved") + 1


def _stored_points(part: PointsPart) -> Any:  # noqa: ANN401  its members as they are packed
    return part[:_POINTS] if part.account is None else tuple(part)


def _points(members: Any) -> PointsPart:  # noqa: ANN401  as they were unpacked
    part = PointsPart(*members)
    unpacked: Any = part
    if unpacked.account is None or unpacked.account is True:
        return part
    type_, key = unpacked.account
    return part._replace(account=(AccountType(type_), key))


def _tender(part: TenderPart) -> Any:  # noqa: ANN401  as above
    """Return the stored members. A tender that moved has all members; if they are missing, version 0.1 stored it."""
    if part.customer_id is True:
        return part[:_TENDER]
    stored: Any = part if part.account is None else part._replace(account=_stored_points(part.account))
    return stored if part.moved else trimmed(stored, _TENDER)


def _read_tender(members: Any) -> TenderPart:  # noqa: ANN401  as they were unpacked
    part = TenderPart(*members)
    unpacked: Any = part
    if len(members) == _TENDER:
        return part._replace(customer_id=True) if part.moved else part
    return part if unpacked.account is None else part._replace(account=_points(unpacked.account))


def _tender_of(part: Any) -> Any:  # noqa: ANN401  a TenderPart, or None
    if part is None or part.account is None:
        return part
    return part._replace(account=_told_of(part.account, part.customer_id))


def _told_of(part: PointsPart | None, customer_id: str | None) -> Any:  # noqa: ANN401  as above
    """Store True for the customer's own account, which is nearly always the account."""
    account = None if part is None else part.account
    if part is None or account is None or account is True:
        return part
    own = account[1] == customer_id and account[0] is POINTS_ACCOUNT
    return made(PointsPart, (*part[:_POINTS], True)) if own else part
