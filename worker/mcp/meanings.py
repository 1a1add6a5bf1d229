"""Why something was not done, in words, and what to do next: of every reason of contract §3 and of the API's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from schemas.problems import KINDS, Code
from schemas.reasons import Reason


@dataclass(frozen=True, slots=True)
class Meaning:
    """What is the matter, and what whoever asked can do about it."""

    is_so: str
    do: str


_ASK_AGAIN: Final = "Call again with the same arguments and the same identity (`document.id`): it has one effect."

REASONS: Final[Mapping[Reason, Meaning]] = MappingProxyType(
    {
        Reason.TRAINING: Meaning(
            "the document says that it is training, so nothing was changed", "Leave `training` out if it is meant."
        ),
        Reason.ALREADY_VOIDED: Meaning(
            "the tender, its sale, or what is named was voided, perhaps before it came",
            "Nothing to repeat; ask for the money anew with a new `tender_id`.",
        ),
        Reason.TOO_LATE: Meaning(
            "it was read after its `decide_by`, or a week after it happened",
            "If it is still wanted, send it anew with a new identity and a later `decide_by`.",
        ),
        Reason.CARD_NOT_ACCEPTED: Meaning(
            "no such card, or its PIN is missing or wrong: which of them is never told; five wrong PINs freeze a card",
            "Ask the holder for the number and the PIN again. Do not try numbers or PINs.",
        ),
        Reason.CUSTOMER_NOT_FOUND: Meaning(
            "there is no customer with this id", "Find the id with customer_list, or create it with customer_create."
        ),
        Reason.CUSTOMER_ERASED: Meaning("the person was erased for good", "Stop; nothing can be done for this id."),
        Reason.CUSTOMER_BLOCKED: Meaning(
            "the customer is blocked", "Ask the operator; customer_update with status active unblocks."
        ),
        Reason.SALE_NOT_FOUND: Meaning("there is no sale with this id", "Check `of.id` or `sale_id`."),
        Reason.SALE_LINE_NOT_FOUND: Meaning("the sale has no such line", "Check the line's id with event_explain."),
        Reason.TENDER_NOT_FOUND: Meaning("there is no tender with this id", "Check the id with event_explain."),
        Reason.COMMAND_NOT_FOUND: Meaning(
            "there is no command with this id", "The `document` of a line of a history has the type and the id."
        ),
        Reason.CURRENCY_MISMATCH: Meaning(
            "the card or the sale has another currency", "Use its own currency (giftcard_get); nothing is converted."
        ),
        Reason.CURRENCY_NOT_IN_POLICY: Meaning(
            "the policy says nothing of this currency", "See loyalty_policy_get; use a currency that it names."
        ),
        Reason.INVALID_STATE: Meaning(
            "not possible in the present state: the tender is in another state, the two cards or customers are one, or "
            "a card below zero is to be unfrozen",
            "Look first (customer_get, giftcard_get, event_explain), then decide anew; the same is refused again.",
        ),
        Reason.CUSTOMER_EXISTS: Meaning(
            "there is a customer with this id already", "Look with customer_get; customer_update changes the profile."
        ),
        Reason.CARD_EXISTS: Meaning(
            "a card with this number was issued already", "Issue another number, or none and one is generated."
        ),
        Reason.POLICY_NOT_LATER: Meaning(
            "`effective_from` is not later than that of the version in force",
            "See loyalty_policy_get; choose a later instant.",
        ),
        Reason.CARD_EXPIRED: Meaning("the card's last good day is over", "It can't pay; a new one can be issued."),
        Reason.CARD_FROZEN: Meaning(
            "the card is frozen: by hand, by five wrong PINs, or because it went below zero",
            "Ask the operator; giftcard_unfreeze lets it pay again unless it is below zero.",
        ),
        Reason.HOLD_EXPIRED: Meaning(
            "the hold ran out, and not all of the money is there any more",
            "`partial`: take the rest some other way; else authorize anew with a new `tender_id`.",
        ),
        Reason.PARKED_TOO_LONG: Meaning(
            "what it waited for did not come in time", "Find out what never came (event_explain), then send it anew."
        ),
        Reason.BELOW_MINIMUM: Meaning("less than the policy's minimum", "See the minimum in loyalty_policy_get."),
        Reason.OVER_MAXIMUM: Meaning(
            "more than the policy allows for a load, a balance or the points' share of a sale",
            "See the limits in loyalty_policy_get; use less.",
        ),
        Reason.GIFT_CARD_BUYS_GIFT_CARD: Meaning(
            "gift cards don't pay for gift cards here", "Pay that part of the sale some other way."
        ),
        Reason.OVER_RETURNED: Meaning(
            "more than is left of the sale or the earning", "Reverse at most what is left (event_explain)."
        ),
        Reason.AMOUNT_OVER_CAPTURED: Meaning(
            "more than is left of what was taken", "Give back at most what is left; leave the amount out for the rest."
        ),
        Reason.AMOUNT_OVER_AUTHORIZED: Meaning(
            "more than was approved: only the approved amount was taken", "Take the rest some other way."
        ),
        Reason.INSUFFICIENT_BALANCE: Meaning(
            "the balance, less what is held, does not suffice", "Take less, or say so to the customer."
        ),
        Reason.REFUNDS_MISMATCH: Meaning(
            "the refunds are more than the returned lines; the return was settled all the same",
            "Check the return at its source.",
        ),
        Reason.TENDERS_MISMATCH: Meaning(
            "the tenders do not add up to the lines; the sale was settled all the same", "Check the sale at its source."
        ),
        Reason.REFUNDS_MISMATCH: Meaning(
            "the refunds are more than the lines that came back; the return was settled all the same",
            "Check the return at its source.",
        ),
    }
)

# What only the doors say: the API, the client of it, and this server.
DOORS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "invalid": Meaning("an argument is not right: `detail` says which and why", "Correct it and call again."),
        "invalid_header": Meaning(
            "the tenant or another header is missing or not right", "Ask whoever runs this server."
        ),
        "refused_by_database": Meaning(
            "the ledger can't hold what would come of it; nothing was done", "Use smaller numbers."
        ),
        "conflict": Meaning(
            "the identity is known with other arguments; the first document stands",
            "Nothing was done. For something new take a new identity; to repeat, the very same arguments.",
        ),
        "credentials_not_accepted": Meaning("the API does not accept the key", "Ask whoever gave it out."),
        "orgcode_not_of_key": Meaning("the key is another tenant's", "Ask whoever runs this server."),
        "scope_missing": Meaning("the key may not do this: it lacks `scope`", "Ask for a key that has it, or stop."),
        "body_too_large": Meaning("the arguments are too large", "Send less."),
        "rate_limited": Meaning("too many requests for this key", "Wait `retry_after_s`, then call again."),
        "address_limited": Meaning(
            "too many requests without an accepted key came from this server's address", "Wait `retry_after_s`."
        ),
        "share_in_use": Meaning(
            "the key or its tenant has too many requests in progress", "Wait `retry_after_s`, then call again."
        ),
        "card_misses_limited": Meaning(
            "too many cards were not accepted", "Wait `retry_after_s`; do not try numbers or PINs."
        ),
        "overloaded": Meaning("the API has too much to do just now", "Wait `retry_after_s`, then call again."),
        "timed_out": Meaning("it is not known yet what becomes of it", _ASK_AGAIN),
        "unavailable": Meaning("the API can't reach its ledger just now", _ASK_AGAIN),
        "unreachable": Meaning("the API can't be reached: nothing was done", "Try later, or tell who runs it."),
        "no_answer": Meaning("the API did not answer: it may have been done", _ASK_AGAIN),
        "not_an_answer": Meaning("something else than the API answered", "Tell whoever runs this server: the URL."),
        "unknown_event": Meaning(
            "the tenant has no such document: it was not read yet, or is a dead letter", "Check `type` and `id`."
        ),
        "tool_not_allowed": Meaning(
            "this server was started without this tool", "Ask whoever runs this server; no other tool does it."
        ),
        "unknown_tool": Meaning("there is no such tool", "Use a name of the list of tools."),
        "unknown_resource": Meaning("there is no such resource", "Use a URI of the list of resources."),
        "unknown_prompt": Meaning("there is no such prompt", "Use a name of the list of prompts."),
        "confirmation_not_accepted": Meaning(
            "the confirmation is unknown, used, too old, or was given for other arguments: nothing was done",
            "Call again without `confirmation_token`, read the preview, and confirm that.",
        ),
        "internal_error": Meaning("a fault of the server", "Tell whoever runs it the `request_id`."),
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


def meaning(reason: str, code: Code) -> Meaning:
    """Of a reason; of one that is not known here, what its code says."""
    if reason in REASONS:
        return REASONS[Reason(reason)]
    if reason in DOORS:
        return DOORS[reason]
    return DOORS[_OF_CODE[code]] if code in _OF_CODE else Meaning(KINDS[code].title, DOORS["internal_error"].do)


def as_page() -> str:
    """All of them for a reader, in Markdown."""
    lines = ["# Reasons", "", "Why something was not done, and what to do next.", ""]
    lines += ["| reason | it is so that | do |", "|---|---|---|"]
    named = {**{reason.value: said for reason, said in REASONS.items()}, **DOORS}
    lines += [f"| `{name}` | {said.is_so} | {said.do} |" for name, said in named.items()]
    return "\n".join([*lines, ""])
