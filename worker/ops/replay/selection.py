"""The selection of a replay: ranges of topics, and filters of their documents."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from worker.codec import Document, Undecodable
from worker.kafka.ranges import Bounds

# Members of documents that name a customer.
_CUSTOMERS: Final = ("customer_id", "from_customer_id", "into_customer_id", "to_customer_id")


@dataclass(frozen=True, slots=True)
class Selection:
    """`topics` are full names. An empty member selects everything."""

    topics: tuple[str, ...]
    partitions: frozenset[int] = frozenset()
    bounds: Bounds = field(default_factory=Bounds)
    orgcode: str | None = None
    customer_id: str | None = None
    subject: str | None = None
    type: str | None = None

    @property
    def whole(self) -> bool:
        """Return whether every record is selected, including records that can't be decoded."""
        return not any((self.orgcode, self.customer_id, self.subject, self.type))

    def of(self, items: Sequence[Document | Undecodable]) -> list[Document | Undecodable]:
        """Return the selected items."""
        if self.whole:
            return list(items)
        return [item for item in items if isinstance(item, Document) and self._matches(item)]

    def _matches(self, document: Document) -> bool:
        return (
            self.orgcode in (None, document.orgcode)
            and self.type in (None, document.type)
            and self.subject in (None, document.subject)
            and (
                self.customer_id is None
                or any(getattr(document.model, name, None) == self.customer_id for name in _CUSTOMERS)
            )
        )

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "partitions": sorted(self.partitions), "bounds": list(self.bounds)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Selection":
        return cls(**{
            **stored, "topics": tuple(stored["topics"]), "partitions": frozenset(stored["partitions"]),
            "bounds": Bounds(*stored["bounds"]),
        })  # fmt: skip
