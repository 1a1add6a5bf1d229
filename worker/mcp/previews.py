"""Show what a dangerous operation would do, for a person to read before it is confirmed. Nothing is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from schemas.operations import OPERATIONS, Operation
from schemas.policy import Policy
from schemas.problems import Code
from worker.client.client import Client
from worker.client.failure import ApiError
from worker.mcp.guides import GUIDES
from worker.mcp.refusals import Refused, of_api
from worker.terminal.policy_text import difference

Body = Mapping[str, Any]

_SIMULATE: Final = OPERATIONS["event.simulate"]
_POLICY: Final = OPERATIONS["loyalty.policy.get"]
_UNDONE: Final = frozenset({"rejected", "declined"})


@dataclass(frozen=True, slots=True)
class Preview:
    """`simulated` is the outcome that the operation would get now, if the key may simulate; `changes` are those of a
    policy.
    """

    what_will_happen: str
    simulated: Body | None
    changes: tuple[str, ...]

    def members(self) -> dict[str, Any]:
        """Return the members of a confirmation."""
        return {
            "what_will_happen": self.what_will_happen,
            **({} if self.simulated is None else {"simulated": self.simulated}),
            **({"changes": list(self.changes)} if self.changes else {}),
        }


async def preview(client: Client, operation: Operation, body: Body, document_id: str) -> Preview:
    """Ask the API what would happen. Raises Refused if the operation would be refused, or if that can't be known."""
    simulated, stored = await _simulated(client, operation, body, document_id)
    if stored:
        text = f"Nothing new: {document_id} is known, and its stored outcome comes again."
    else:
        text = f"{operation.summary} {GUIDES[operation.name].warning}"
        if simulated is None:
            text += " It could not be simulated: the key has no scope ops."
    changes = await _changes(client, body) if operation.name == "loyalty.policy.put" else ()
    return Preview(text, simulated, changes)


async def _simulated(client: Client, operation: Operation, body: Body, document_id: str) -> tuple[Body | None, bool]:
    """Return the outcome that the operation would get, and whether that is a stored one."""
    data = {**_without_pins(body), "command_id": document_id}
    try:
        answer = (await client.call(_SIMULATE, {"type": operation.document, "data": data})).json()
    except ApiError as error:
        if error.code is Code.FORBIDDEN and error.scope is not None:
            return None, False
        raise of_api(error, operation) from None
    outcome, stored = answer["outcome"], answer["stored"]
    if outcome["status"] in _UNDONE and not stored:
        raise Refused(Code(outcome["category"]), outcome["reason"], "it would be refused", {"outcome": outcome})
    return outcome, stored


def _without_pins(body: Body) -> dict[str, Any]:
    """Return the body without PINs: a simulation takes none, and treats every known card as accepted."""
    return {
        name: _without_pins(value) if isinstance(value, Mapping) else value
        for name, value in body.items()
        if name != "pin"
    }


async def _changes(client: Client, body: Body) -> tuple[str, ...]:
    """Return the lines of the difference from the policy in force; none if the key may not read it."""
    try:
        before = (await client.call(_POLICY, {})).json()["policy"]
        after = Policy.model_validate(body["policy"]).wire_form()
    except (ApiError, ValidationError):
        return ()  # the API reports errors when the operation is performed
    return tuple(difference(before, after))
