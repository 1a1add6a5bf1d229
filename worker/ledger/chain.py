"""Link each transfer of a batch to the document that changed its accounts before, so that histories can be read."""

from collections.abc import Sequence

from schemas.tuples import made
from worker.domain.state.accounts import Account, Contra
from worker.domain.state.books import Books
from worker.stored.codes import event_no
from worker.stored.rows import TransferRow


class Chain:
    """Follows the accounts from document to document. All transfers of one document name the same previous document."""

    def __init__(self) -> None:
        self._before: dict[int, int | None] = {}  # account → the document before the one that changed it last

    def rows(self, batch_no: int, shelf: Sequence[Books]) -> list[TransferRow]:
        """Return the rows in the order of booking, and set the accounts' `last_no`. The accounts must have their
        ids.
        """
        return [
            made(TransferRow, (
                no := event_no(batch_no, place), _id(debit), _id(credit), amount, book.org, self._link(debit, no),
                self._link(credit, no),
            ))
            for book in shelf
            for place, debit, credit, amount in book.transfers
        ]  # fmt: skip

    def _link(self, side: Account | Contra, no: int) -> int | None:
        if not isinstance(side, Account):
            return None
        if side.last_no != no:
            self._before[side.id] = side.last_no
            side.last_no = no
        return self._before[side.id]


def _id(side: Account | Contra) -> int:
    return side.id if isinstance(side, Account) else int(side)
