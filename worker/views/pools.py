"""A pool: its members, and the points that they share."""

import time

from schemas.reasons import Reason
from schemas.requests import PoolGet
from schemas.views import PoolView
from worker.domain.state.accounts import AccountType, Standing
from worker.domain.state.movements import tick_of
from worker.views.context import Context, Refused
from worker.views.customers import balance, lots
from worker.views.tenant import reading


async def get(context: Context, orgcode: str, request: PoolGet) -> PoolView:
    """Return the pool as it is now, without erased members (contract POOL8). Raises Refused for a pool that nobody ever
    joined.
    """
    key = (AccountType.POOL, request.pool_id)
    now_us = time.time_ns() // 1000
    async with reading(context, orgcode) as tenant:
        pool = (await tenant.accounts([key])).get(key)
        if pool is None:
            raise Refused(Reason.CUSTOMER_NOT_FOUND, "no customer has joined this pool")
        owned = await tenant.owned(request.pool_id)
        return PoolView(
            pool_id=request.pool_id,
            members=tuple(
                account.key for account in owned if account.target == key and account.standing is not Standing.CLOSED
            ),
            points=balance(pool, orgcode, tick_of(now_us)),
            lots=tuple(lots(pool, (await tenant.policies()).at(now_us).calendar)),
        )
