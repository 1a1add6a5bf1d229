"""The statements that decisions need, by how the overlay answers them."""

from typing import Final

from worker.ledger.changes import TABLES
from worker.ledger.queries import SQL

# Reads by primary key: their table.
KEYED: Final = {
    SQL["load_event"]: "event",
    SQL["lock_event"]: "event",
    SQL["lock_account"]: "account",
    SQL["load_account"]: "account",
    SQL["lock_tender"]: "tender",
    SQL["read_tender"]: "tender",
    SQL["read_tenders"]: "tender",
    SQL["load_card_number"]: "card_number",
}
NEW_ORGS: Final = "INSERT INTO org"
NEW_IDS: Final = "SELECT nextval('account_id')"
# Reads that find nothing in a plan.
NOTHING: Final = frozenset({SQL["read_unpublished_parked"]})


def _by_key(name: str) -> str:
    table = TABLES[name]
    arrays = ", ".join(f"${place}::{type_}[]" for place, type_ in enumerate(table.types, 1))
    match = " AND ".join(f"o.{column} = k.{column}" for column in table.key)
    return (
        f"SELECT k.place, t.* FROM unnest({arrays}) WITH ORDINALITY AS k ({', '.join(table.key)}, place)"  # noqa: S608  names of ours
        f" CROSS JOIN LATERAL (SELECT * FROM {name} o WHERE {match}) t"
    )


# The rows of these primary keys.
WHOLE: Final = {name: _by_key(name) for name in TABLES}
# The rows of a table that these columns name.
NAMED: Final = {
    ("account", "org", "owner", "kind"): "SELECT * FROM account WHERE org = $1 AND owner = $2 AND kind = $3",
    ("parked", "org", "waits_for", "waits_key"): (
        "SELECT * FROM parked WHERE org = $1 AND waits_for = $2 AND waits_key = $3"
    ),
    ("parked", "org", "sale_id"): "SELECT * FROM parked WHERE org = $1 AND sale_id = $2 AND sale_id <> ''",
}
