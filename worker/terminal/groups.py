"""`g3n crm`: its groups and their commands. Each command is built when it is used."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from typer.core import TyperGroup

from schemas.operations import OPERATIONS, Operation
from worker.terminal.deferred import Deferred, alone
from worker.terminal.exit_status import EXIT_STATUSES

# The subject of each group, and its short names.
_GROUPS: Final[Mapping[str, str]] = {
    "customer": "Customers: profiles, consents, erasure, merging.",
    "customer.consent": "Consents: what a customer has agreed to.",
    "loyalty": "Points: earn, spend, correct, look up.",
    "loyalty.policy": "The policy: rules of points and gift cards, in versions.",
    "giftcard": "Gift cards: issue, spend, load, freeze, look up.",
    "pool": "Pools: customers who share points.",
    "sale": "Sales of a shop without topics: complete, void.",
    "return": "Returns of a shop without topics: complete, void.",
    "tender": "Tenders: authorize, capture, void.",
    "event": "Documents: explain a decision, simulate one.",
    "session": "Sessions: short-lived tokens.",
}
_SHORT: Final = ("customer.consent", "loyalty.policy")

_HELP: Final = f"""Customers, loyalty points and gift cards through the HTTP API.

`g3n login` stores the API's URL, tenant and key in a profile. G3N_API_URL, G3N_ORGCODE and G3N_API_KEY override the
profile `default` (or the one that G3N_PROFILE names); --profile overrides all of them.

Answers are tables; --json prints exactly what the API answered. Errors go to stderr.

{EXIT_STATUSES}"""


def _built(operation: Operation) -> Any:  # noqa: ANN401  # a typer app
    from worker.terminal import commands

    return commands.command(operation)


def _edit() -> Any:  # noqa: ANN401  # a typer app
    from worker.terminal.edit import edit

    return alone(edit)


def _import(name: str) -> Any:  # noqa: ANN401  # a typer app
    from worker.terminal.bulk import commands

    by_group: dict[str, Callable[..., None]] = {
        "customer": commands.customers,
        "loyalty": commands.points,
        "giftcard": commands.gift_cards,
    }
    return alone(by_group[name])


_EDIT: Final = "Edit the policy in $VISUAL or $EDITOR, see the difference, and put it into force."
# Commands that are not operations: group, name, summary, builder.
_OWN: Final[tuple[tuple[str, str, str, Callable[[], Any]], ...]] = (
    (
        "loyalty.policy",
        "edit",
        "Edit the policy in $VISUAL or $EDITOR, see the difference, and put it into force.",
        _edit,
    ),
    ("customer", "import", "Create the customers of a file.", partial(_import, "customer")),
    ("loyalty", "import", "Book the opening points balances of a file.", partial(_import, "loyalty")),
    ("giftcard", "import", "Issue the gift cards of a file.", partial(_import, "giftcard")),
)


def _tree() -> TyperGroup:
    made = {"": TyperGroup(name="crm", help=_HELP, no_args_is_help=True, rich_markup_mode=None)}
    for operation in OPERATIONS.values():
        group, _, name = operation.name.rpartition(".")
        _group(made, group).add_command(Deferred(name, operation.summary, partial(_built, operation)))
    for group, name, short_help, built in _OWN:
        made[group].add_command(Deferred(name, short_help, built))
    for name in _SHORT:
        made[""].add_command(made[name], name.rpartition(".")[2])
    return made[""]


def _group(made: dict[str, TyperGroup], name: str) -> TyperGroup:
    if name not in made:
        above, _, own = name.rpartition(".")
        made[name] = TyperGroup(name=own, help=_GROUPS[name], no_args_is_help=True, rich_markup_mode=None)
        _group(made, above).add_command(made[name])
    return made[name]


APP: Final = _tree()
