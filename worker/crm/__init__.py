"""`g3n crm …` and `g3n login`: the HTTP API for a person at a terminal, and for scripts."""

from worker.crm.bulk.commands import customers, gift_cards
from worker.crm.commands import groups
from worker.crm.edit import edit
from worker.crm.entry import login, logout

__all__ = ["app", "login", "logout"]

_groups = groups()
_groups["loyalty.policy"].command()(edit)
_groups["customer"].command("import", short_help="Create the customers of a file.")(customers)
_groups["giftcard"].command("import", short_help="Issue the gift cards of a file.")(gift_cards)
app = _groups[""]
