"""Choose the invoices that are sold live, at the tills."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from examples.online_retail.documents import Document

SALES_NEEDED = 6
_SMALLEST_MINOR, _LARGEST_MINOR = 15_00, 300_00
_CANDIDATES = 200


@dataclass(slots=True)
class Selection:
    """Watches the documents, and keeps the sales that tills can repeat: the last ones that no return names."""

    _sales: deque[Document] = field(default_factory=lambda: deque(maxlen=_CANDIDATES))
    _returned: set[str] = field(default_factory=set)
    _points: dict[str, int] = field(default_factory=dict)
    voucher: dict[str, Any] | None = None

    def watch(self, document: Document) -> None:
        """Note what matters about the next document."""
        data = document.data
        if document.type == "scm.return.completed":
            self._returned.add(data.get("sale_id", ""))
            if "customer_id" in data:
                self._count(data["customer_id"], -sum(line["net_minor"] for line in data["lines"]) // 100)
        elif document.type == "scm.sale.completed":
            lines = data["lines"]
            self.voucher = next((line["gift_card"] for line in lines if "gift_card" in line), self.voucher)
            if "customer_id" in data:
                self._count(
                    data["customer_id"], sum(line["net_minor"] for line in lines if "item_type" not in line) // 100
                )
                total_minor = data["tenders"][0]["amount_minor"]
                if _SMALLEST_MINOR <= total_minor <= _LARGEST_MINOR and all(_is_plain(line) for line in lines):
                    self._sales.append(document)

    def choose(self) -> list[Document]:
        """Return the sales for the tills, first the one whose customer can best pay with points; [] if there are too
        few.
        """
        chosen: dict[str, Document] = {}
        for sale in reversed(self._sales):
            if sale.subject not in self._returned:
                chosen.setdefault(sale.data["customer_id"], sale)
        by_points = sorted(chosen.values(), key=self.points_before, reverse=True)[:1]
        sales = by_points + [sale for sale in chosen.values() if sale not in by_points]
        return sales[:SALES_NEEDED] if len(sales) >= SALES_NEEDED else []

    def points_before(self, sale: Document) -> int:
        """Return the points that the sale's customer has at least, before this sale."""
        total_minor = int(sale.data["tenders"][0]["amount_minor"])
        return self._points[sale.data["customer_id"]] - total_minor // 100 - 1

    def _count(self, customer_id: str, points: int) -> None:
        self._points[customer_id] = self._points.get(customer_id, 0) + points


def _is_plain(line: dict[str, Any]) -> bool:
    return line["net_minor"] > 0 and "item_type" not in line
