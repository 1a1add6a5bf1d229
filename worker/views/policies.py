"""The policy, and which versions there are."""

import time

from schemas.scalars import format_instant
from schemas.views import PolicyGet, PolicyVersion, PolicyView
from worker.domain.policy import PolicyVersion as Version
from worker.views.desk import Desk, Invalid
from worker.views.tenant import Tenant


async def get(desk: Desk, orgcode: str, request: PolicyGet) -> PolicyView:
    """A version by number; else the one in force at an instant, now where none is said."""
    async with desk.pool.reading() as connection:
        tenant = await Tenant.of(connection, orgcode)
        book = await tenant.policies()
    if request.version is not None:
        if request.version >= len(book.versions):
            raise Invalid("version: unknown_version")
        version = book.numbered(request.version)
    else:
        version = book.at(time.time_ns() // 1000 if request.at is None else request.at)
    return PolicyView(
        version=version.version,
        effective_from=_since(version),
        policy=version.policy,
        versions=tuple(PolicyVersion(version=one.version, effective_from=_since(one)) for one in book.versions),
    )


def _since(version: Version) -> str | None:
    return format_instant(version.effective_us) if version.version else None
