"""The history of a points account, and the policy of earning and spending points."""

import time

from schemas.reasons import Reason
from schemas.requests import LoyaltyHistory, PolicyGet
from schemas.scalars import format_instant
from schemas.views import HistoryPage, PolicyVersion, PolicyView
from worker.domain.state.policy import PolicyVersion as Version
from worker.views import transfers
from worker.views.context import Context, Invalid, Refused
from worker.views.tenant import reading


async def history(context: Context, orgcode: str, request: LoyaltyHistory) -> HistoryPage:
    """Return the history of a person's points, under any of their ids; in a pool also the pool's since they joined."""
    async with reading(context, orgcode) as tenant:
        path = await tenant.path(request.customer_id)
        if not path:
            raise Refused(Reason.CUSTOMER_NOT_FOUND)
        question = ("loyalty.history", request.customer_id)
        chains = await transfers.of_person(tenant, path)
        return await transfers.page(tenant, chains, question, request.cursor, request.limit)


async def policy(context: Context, orgcode: str, request: PolicyGet) -> PolicyView:
    """Return a version by its number, or else the version in force at an instant, by default now."""
    async with reading(context, orgcode) as tenant:
        book = await tenant.policies()
    if request.version is not None:
        if request.version > book.latest.version:
            raise Invalid("version: there is no such version")
        version = book.numbered(request.version)
    else:
        version = book.at(time.time_ns() // 1000 if request.at is None else request.at)
    superseded = book.superseded
    versions = tuple(
        PolicyVersion(version=one.version, effective_from=_since(one), superseded=one.version in superseded or None)
        for one in book.versions
    )
    return PolicyView(version=version.version, effective_from=_since(version), policy=version.policy, versions=versions)


def _since(version: Version) -> str | None:
    return format_instant(version.effective_us) if version.version else None
