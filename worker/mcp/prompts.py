"""The two playbooks as prompts: how an agent handles customers and points, and stored value."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import mcp_types as mcp

from schemas.problems import Code
from worker.mcp.refusals import Refused

_TASK: Final = "task"

_RULES: Final = """\
The rules of all of it:
- Money is in minor units (1250 is 12.50), in one currency a call; points are whole numbers.
- Look before you change. Where you are not certain, event_simulate says what would happen, and nothing is done.
- Choose an `idempotency_key` before the first attempt of every change, and keep it: the same call again with the same
  key has one effect, whatever became of the first.
- An error has `meaning` and `what_to_do`: do that, and do not try around it.
- A dangerous tool answers first with a preview and a `confirmation_token`. Show the preview to a person; go on only if
  they agree.
- Never ask for more personal data than the task takes; never repeat a card number or a PIN.
- If a tool is not in your list, this server may not use it: say so.
"""

_CUSTOMER: Final = f"""\
You look after customers and their loyalty points, from the first day to the last.

1. Is the person known? customer_list finds an id by e-mail, phone or an external id; customer_get shows all there is.
2. Joining: customer_create. Points of sales that came before the record are claimed by it, and are in its answer.
3. What they allow: customer_consent_set, a call a purpose, when they have said so. Some campaigns need a consent.
4. Earning: sales earn by themselves. loyalty_earn is for what no sale says: a survey, goodwill. loyalty_policy_get has
   the rate, the campaigns and the tiers.
5. Spending: loyalty_redeem for a reward outside a sale; at a till tender_authorize with kind points.
6. "Where did my points go?": loyalty_history has every change with the document that caused it; event_explain tells the
   story of one such document. Explain from these, not from memory.
7. Something was wrong: undo it where it was done. loyalty_restore gives back a redemption, loyalty_reverse takes back
   an earning; a sale is undone by its own return or void. loyalty_adjust is for what is left, with a reason and the
   person who decided it.
8. Two records of one person: customer_merge into the one that stays, after customer_get of both.
9. Blocking: customer_update with status blocked or active.
10. Leaving: customer_erase, only if the person asked for it. It can't be undone.

{_RULES}"""

_STORED_VALUE: Final = f"""\
You look after gift cards and what is paid with them.

1. Name a card by its number and PIN as the holder gives them, or by the `card_id` of an earlier answer. giftcard_get
   shows balance, holds, expiry and whether it is frozen. An unknown card and a wrong PIN answer alike; do not guess.
2. Selling a card: a sale does that by itself. giftcard_issue is for a card outside a sale; a number that it generates
   is in that answer only: hand it over, to nobody else.
3. Paying a sale: tender_authorize holds the money under a `tender_id` (the cashier's, or one that it makes). `approved`
   is all of it; `partial` is less, the rest is paid some other way; after a decline take a new `tender_id`.
4. The sale is done: tender_capture, all or less. It is not done, or nobody knows: tender_void, which is safe before,
   after and instead of the request.
5. A hold that is neither captured nor voided runs out by itself; what is still there can be captured then.
6. Outside a sale: giftcard_reload puts money on a card within the policy's limits, giftcard_redeem takes it off,
   giftcard_reverse undoes either, and giftcard_issue too; giftcard_transfer is undone by transferring back.
7. Lost or abused: giftcard_freeze at once; then giftcard_issue a new one and giftcard_transfer what is left, which
   takes giftcard_unfreeze first; giftcard_link keeps it with its customer.
8. "Why was it declined?": the error says it; event_explain of the tender (scm.tender.requested) has the whole story.
   giftcard_history has every change of a card.
9. A card below zero: the sale that loaded it was undone after it was spent. It is frozen; the next credits fill it up.

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
    told = next(one.description for one in LISTED if one.name == name)
    return mcp.GetPromptResult(
        description=told, messages=[mcp.PromptMessage(role="user", content=mcp.TextContent(text=text))]
    )
