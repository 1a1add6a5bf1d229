"""Consents: granted or withdrawn for a purpose, in force from an instant (contract CUST2, EARN11)."""

from collections.abc import Iterable, Iterator
from operator import attrgetter

from worker.domain.state.accounts import Account, AccountType
from worker.domain.state.books import Books, Consent


def consented(books: Books, customer_id: str, purpose: str, at_us: int) -> bool:
    """Return whether the purpose was granted at an instant, on any channel. A consent without a channel holds for all
    channels.

    For a merged customer, the consents of all their ids form one log.
    """
    entries = [
        consent
        for record in records(books, customer_id)
        for consent in books.consents.get(record.key, ())
        if consent.purpose == purpose and consent.at_us <= at_us
    ]
    return any(consent.granted for consent in in_force(entries).values())


def in_force(entries: Iterable[Consent]) -> dict[str, Consent]:
    """Return the consents in force for one purpose, by channel; "" stands for all channels. `entries` is in the order
    of decision.

    The latest `at_us` counts; of equal ones, the one decided later. A consent without a channel ends those before it.
    """
    counts: dict[str, Consent] = {}
    for consent in sorted(entries, key=attrgetter("at_us")):
        if not consent.channel:
            counts.clear()
        counts[consent.channel] = consent
    return counts


def note(books: Books, consent: Consent) -> None:
    """Record a consent. For a merged customer, it is recorded for the id that is in use now."""
    *_, record = records(books, consent.customer_id)
    entry = consent._replace(customer_id=record.key)
    books.consents.setdefault(record.key, []).append(entry)
    books.new_consents.append(entry)


def records(books: Books, customer_id: str) -> Iterator[Account]:
    """Return the customer's own record, then those that it was merged into."""
    record = books.holder(customer_id)
    while record is not None and record.type is AccountType.POINTS:
        yield record
        record = None if record.target is None else books.accounts[record.target]
