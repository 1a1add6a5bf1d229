"""The two playbooks as prompts: how an agent handles customers and points, and stored value."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import mcp_types as mcp

from schemas.problems import Code
from worker.mcp.refusals import Refused

_TASK: Final = "task"

_RULES: Final = """\
Rules for every task:
- Money is in minor units (1250 is 12.50), with one currency for each call. Points are whole numbers.
- Look before you change. If you are not certain, event_simulate shows what would happen, and changes nothing.
- Choose an `idempotency_key` before the first attempt of every change, and keep it. The same call with the
  same key has one effect, whether or not the first attempt got through.
- An error has `meaning` and `what_to_do`: do that, and don't try to get around it.
- A dangerous tool first returns a preview and a `confirmation_token`. Show the preview to a person, and go on only if
  they agree.
- Never ask for more personal data than the task needs. Never repeat a card number or a PIN.
- If a tool is not in your list, this server does not offer it: say so.
"""

_CUSTOMER: Final = f"""\
You look after customers and their loyalty points, from the first day to the last.

1. Is the person known? customer_list finds an id by name, e-mail, phone or an external id; customer_get shows
   everything about a customer.
2. Joining: customer_create. The customer gets the points of earlier sales, and the answer shows them.
3. Consents: customer_consent_set, one call for each purpose, once the customer has said so. Some campaigns need a
   consent.
4. Earning: sales earn by themselves. loyalty_earn is for other occasions: a survey, goodwill. loyalty_policy_get has
   the rate, the campaigns and the tiers.
5. Spending: loyalty_redeem for a reward outside a sale; at a till tender_authorize with kind points.
6. "Where did my points go?": loyalty_history has every change with the document that caused it; event_explain
   explains one such document. Explain from these, not from memory.
7. Corrections: loyalty_restore gives back a redemption, loyalty_reverse takes back an earning, and a return or a void
   undoes a sale. Use loyalty_adjust only if none of them fits, with a reason and the person who decided it.
8. Two records of one person: look at both with customer_get, then customer_merge into the one that stays.
9. Blocking: customer_update with status blocked or active.
10. Leaving: customer_erase, only if the person asked for it. It can't be undone.

{_RULES}"""

_STORED_VALUE: Final = f"""\
You look after gift cards and payments with them.

1. Name a card by its number and PIN as the holder gives them, or by the `card_id` of an earlier answer. giftcard_get
   shows balance, holds, expiry and whether the card is frozen. An unknown card and a wrong PIN get the same answer.
   Don't guess.
2. Selling a card: the sale loads it. giftcard_issue is for a card outside a sale. A generated number is in that answer
   only: give it to the holder, and to nobody else.
3. Paying a sale: tender_authorize holds the money under a `tender_id` (the cashier's, or one that it makes). `approved`
   is the whole amount; `partial` is less: the rest is paid by other means. After a decline use a new `tender_id`.
4. If the sale is done: tender_capture, all or less. If it is not done, or nobody knows: tender_void, which is safe
   before, after and instead of the request.
5. A hold that is neither captured nor voided expires. Afterwards, what is still available can be captured.
6. Outside a sale: giftcard_reload puts money on a card within the policy's limits, giftcard_redeem takes it off,
   giftcard_reverse undoes either, and giftcard_issue too; giftcard_transfer is undone by transferring back.
7. Lost, stolen or broken: giftcard_freeze at once; then giftcard_replace moves the balance and the open holds to a new
   card.
8. "Why was it declined?": the error says why; event_explain of the tender (scm.tender.requested) has all details.
   giftcard_history has every change of a card.
9. A card below zero: the sale that loaded it was undone after the money was spent. It is frozen; later credits fill it
   up.

{_RULES}"""


def _prompt(name: str, title: str, description: str) -> mcp.Prompt:
    task = mcp.PromptArgument(name=_TASK, description="What is to be done, in your own words.", required=False)
    return mcp.Prompt(name=name, title=title, description=description, arguments=[task])


LISTED: Final = (
    _prompt(
        "customer_life_cycle",
        "Customers and their points",
        "From joining to leaving: consents, earning, spending, corrections, merging, erasure.",
    ),
    _prompt(
        "stored_value",
        "Gift cards and paying with them",
        "Issue, pay, hold, capture, void, refund, freeze and move the balance of gift cards.",
    ),
)
_TEXTS: Final[Mapping[str, str]] = MappingProxyType({"customer_life_cycle": _CUSTOMER, "stored_value": _STORED_VALUE})


def get(name: str, arguments: Mapping[str, str]) -> mcp.GetPromptResult:
    """Return the playbook, and the task below it. Raises Refused."""
    if name not in _TEXTS:
        raise Refused(Code.NOT_FOUND, "unknown_prompt", "there is no such prompt")
    if unknown := arguments.keys() - {_TASK}:
        raise Refused(Code.INVALID_REQUEST, "invalid", f"{len(unknown)} unknown arguments; known is {_TASK}")
    task = arguments.get(_TASK)
    text = _TEXTS[name] if not task else f"{_TEXTS[name]}\nThe task: {task}\n"
    description = next(one.description for one in LISTED if one.name == name)
    return mcp.GetPromptResult(
        description=description, messages=[mcp.PromptMessage(role="user", content=mcp.TextContent(text=text))]
    )
