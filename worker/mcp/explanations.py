"""Explain to a model why a call was not done and what to do next: the reasons of contract §3.3, and the API's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from schemas.operations import OPERATIONS
from schemas.problems import PROBLEMS, Code
from schemas.reasons import Place, Reason


@dataclass(frozen=True, slots=True)
class Explanation:
    """The meaning of a reason, and advice for the caller."""

    meaning: str
    advice: str


_REASONS: Final = frozenset(reason.value for reason in Reason)
_ASK_AGAIN: Final = "Call again with the same arguments and the same identity (`document.id`): it has one effect."

# Reasons of the API, its client and this server.
INTERFACES: Final[Mapping[str, Explanation]] = MappingProxyType(
    {
        "invalid": Explanation("an argument is wrong: `detail` says which and why", "Correct it and call again."),
        "invalid_header": Explanation(
            "the tenant or another header is missing or wrong", "Ask the operator of this server."
        ),
        "refused_by_database": Explanation(
            "an amount would be too large for the ledger; the call had no effect", "Use smaller numbers."
        ),
        "conflict": Explanation(
            "the identity is known with other arguments; the first document stands",
            "The call had no effect. For a new document, use a new identity. To repeat one, use the same arguments.",
        ),
        "credentials_not_accepted": Explanation(
            "the API does not accept the key", "Ask the person who issued the key."
        ),
        "orgcode_not_of_key": Explanation("the key is another tenant's", "Ask the operator of this server."),
        "scope_missing": Explanation(
            "the key may not do this: it lacks `scope`", "Ask for a key that has it, or stop."
        ),
        "body_too_large": Explanation("the arguments are too large", "Send less."),
        "rate_limited": Explanation("too many requests for this key", "Wait `retry_after_s`, then call again."),
        "address_limited": Explanation(
            "too many requests without an accepted key came from this server's address", "Wait `retry_after_s`."
        ),
        "share_in_use": Explanation(
            "the key or its tenant has too many requests in progress", "Wait `retry_after_s`, then call again."
        ),
        "card_misses_limited": Explanation(
            "too many cards were not accepted", "Wait `retry_after_s`; do not try numbers or PINs."
        ),
        "overloaded": Explanation(
            "the API has too many requests in progress", "Wait `retry_after_s`, then call again."
        ),
        "timed_out": Explanation("no answer in time; the call may still take effect", _ASK_AGAIN),
        "unavailable": Explanation("the API can't reach its ledger at the moment", _ASK_AGAIN),
        "unreachable": Explanation(
            "the API can't be reached: the call had no effect", "Try later, or tell its operator."
        ),
        "no_answer": Explanation("the API did not answer; the call may have had its effect", _ASK_AGAIN),
        "not_an_answer": Explanation(
            "another program than the API answered",
            "Tell the operator of this server that its URL of the API is wrong.",
        ),
        "unknown_event": Explanation(
            "the tenant has no such document: it was not read yet, or is a dead letter", "Check `type` and `id`."
        ),
        "tool_not_allowed": Explanation(
            "this server was started without this tool", "Ask the operator of this server; no other tool does it."
        ),
        "unknown_tool": Explanation("there is no such tool", "Use a name of the list of tools."),
        "unknown_resource": Explanation("there is no such resource", "Use a URI of the list of resources."),
        "unknown_prompt": Explanation("there is no such prompt", "Use a name of the list of prompts."),
        "confirmation_not_accepted": Explanation(
            "the confirmation is unknown, used, too old, or for other arguments: the call had no effect",
            "Call again without `confirmation_token`, read the preview, and confirm that.",
        ),
        "internal_error": Explanation("a fault of the server", "Give its operator the `request_id`."),
    }
)

_OF_CODE: Final[Mapping[Code, str]] = {
    Code.INVALID_REQUEST: "invalid",
    Code.UNAUTHORIZED: "credentials_not_accepted",
    Code.FORBIDDEN: "scope_missing",
    Code.CONFLICT: "conflict",
    Code.TOO_LARGE: "body_too_large",
    Code.TOO_MANY_REQUESTS: "rate_limited",
    Code.UNAVAILABLE: "unavailable",
    Code.TIMEOUT: "unavailable",
}


def of_reason(reason: Reason) -> Explanation:
    """Return the explanation of a reason, with operations named as tools."""
    return Explanation(reason.meaning, reason.advice(lambda name: OPERATIONS[name].tool))


def explanation(reason: str, code: Code) -> Explanation:
    """Return the explanation of a reason; of one that this version doesn't know, the explanation of its code."""
    if reason in _REASONS:
        return of_reason(Reason(reason))
    if reason in INTERFACES:
        return INTERFACES[reason]
    if code in _OF_CODE:
        return INTERFACES[_OF_CODE[code]]
    return Explanation(PROBLEMS[code].title, INTERFACES["internal_error"].advice)


def as_page() -> str:
    """Return all explanations as a page in Markdown."""
    lines = ["# Reasons", "", "Why a document or a call was not plainly applied, and what to do next.", ""]
    lines += ["| reason | it was not plainly applied because | what to do | where it can occur |", "|---|---|---|---|"]
    for reason in Reason:
        advice = of_reason(reason).advice
        places = ", ".join(place for place in Place if place in reason.places)
        lines.append(f"| `{reason}` | {reason.meaning} | {advice} | {places} |")
    lines += ["", "| reason of the interface | what it means | what to do |", "|---|---|---|"]
    lines += [f"| `{name}` | {one.meaning} | {one.advice} |" for name, one in INTERFACES.items()]
    return "\n".join([*lines, ""])
