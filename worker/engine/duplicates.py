"""Separate the documents of a batch that are new from duplicates and conflicts."""

from worker.engine.messages import BatchMessages
from worker.engine.work import Work
from worker.ledger import load
from worker.ledger.queries import Connection
from worker.stored.event import digest_version_of
from worker.stored.rows import Key


async def sort_out(connection: Connection, works: list[Work], messages: BatchMessages) -> list[Work]:
    """Return the new works. Note duplicates and conflicts in `messages`, also those within the batch."""
    known = await load.events(connection, [work.key for work in works])
    first: dict[Key, Work] = {}
    fresh: list[Work] = []
    for place, work in enumerate(works):
        document = work.document
        assert document is not None  # noqa: S101  made of documents
        digest, facts = known.get(place, (None, None))
        earlier = first.get(work.key)
        if digest is None and earlier is None:
            first[work.key] = work
            work.stub = place in known
            fresh.append(work)
        elif digest is None and earlier is not None and earlier.digest == work.digest:
            if not document.stored:
                messages.add_repeat(work, earlier)
        elif digest is not None and document.matches(digest, digest_version_of(facts)):
            if document.stored:  # the process that decided it publishes its outcomes
                continue
            messages.add_duplicate(work, facts)
        else:
            messages.conflicts.append(document)
    return fresh
