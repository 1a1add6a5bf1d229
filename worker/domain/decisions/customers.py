"""Customers: records, consent, status, erasure, merge and pools (contract §2.3)."""

from schemas.commands import (
    ConsentSet,
    CustomerCreate,
    CustomerErase,
    CustomerMerge,
    CustomerUpdate,
    PolicyPut,
    PoolJoin,
    PoolLeave,
)
from schemas.policy import MOST_VERSIONS
from schemas.reasons import Reason, first
from worker.domain.rules import consents
from worker.domain.rules.earning import carry_earned
from worker.domain.rules.parts import points_part
from worker.domain.state.accounts import Account, AccountType, Standing
from worker.domain.state.books import Books, Consent
from worker.domain.state.identity import derived_id
from worker.domain.state.movements import tick_of
from worker.domain.state.outcome import Notice, Outcome
from worker.domain.state.policy import PolicyVersion

POOL_CHANGED = "crm.pool.changed"
PROFILE = ("name", "email", "phone", "birth_date", "external_ids")


def create(document: CustomerCreate, books: Books) -> Outcome:
    """Create the record. Points that waited for it become the customer's."""
    customer_id = document.customer_id or derived_id(books.orgcode, "crm.customer.create", document.command_id)
    holder = books.holder(customer_id)
    if holder is None:
        holder = books.open_points(customer_id, Standing.ACTIVE)
    elif holder.standing is Standing.UNCLAIMED:
        books.touch(holder)
        holder.standing = Standing.ACTIVE
    else:
        reason = customer_refused(books, customer_id, document.occurred_at) or Reason.CUSTOMER_EXISTS
        return Outcome("rejected", reason, customer_id=customer_id)
    books.profiles.append((holder, {name: getattr(document, name) for name in PROFILE}))
    part = points_part(books, holder, tick_of(document.occurred_at))
    return Outcome("applied", customer_id=customer_id, points=part._replace(change=part.balance))


def customer_refused(books: Books, customer_id: str, at_us: int) -> Reason | None:
    """Return why a document that names this customer is rejected or declined, or None (contract CUST6, CUST8)."""
    holder = books.holder(customer_id)
    if holder is None or holder.standing is Standing.UNCLAIMED:
        return Reason.CUSTOMER_NOT_FOUND
    worst = books.standing(holder, at_us)
    if worst is Standing.CLOSED:
        return Reason.CUSTOMER_ERASED
    return Reason.CUSTOMER_BLOCKED if worst is Standing.FROZEN else None


def _allowed(books: Books, customer_id: str, at_us: int) -> tuple[Account | None, Reason | None]:
    """Return the customer's own record, or the reason why a command about them is rejected."""
    return books.holder(customer_id), customer_refused(books, customer_id, at_us)


def _passes(books: Books, customer_id: str, at_us: int) -> tuple[Account | None, Reason | None]:
    """Like `_allowed`, for the two commands that a block does not stop: update, which unblocks, and erase, which the
    law demands.
    """
    holder, reason = _allowed(books, customer_id, at_us)
    return holder, None if reason is Reason.CUSTOMER_BLOCKED else reason


def update(document: CustomerUpdate, books: Books) -> Outcome:
    """Change the given members of the person's record, by any of their ids; `status` counts from `occurred_at` on.

    A blocked customer can be updated: that is how a block is lifted.
    """
    holder, reason = _passes(books, document.customer_id, document.occurred_at)
    if holder is None or reason is not None:
        return Outcome("rejected", reason, customer_id=document.customer_id)
    person = books.person(holder)
    if document.status is not None:
        person.note_standing(document.occurred_at, Standing.FROZEN if document.status == "blocked" else Standing.ACTIVE)
        _stand(books, person, Standing(person.owner_log[-1][1]))
    changed = {name: value for name in PROFILE if (value := getattr(document, name)) is not None}
    if changed:
        books.profiles.append((person, changed))
    return _about(books, person, document.customer_id, document.occurred_at)


def _stand(books: Books, person: Account, standing: Standing) -> None:
    """Set a customer's present standing. Their account gets another version, unless a pool has their points."""
    books.changed[person] = None
    if standing is not person.standing:
        person.standing = standing
        if person.target is None:
            books.touch(person)


def _about(books: Books, person: Account, customer_id: str, at_us: int) -> Outcome:
    """Return the outcome of a change of a record. It shows the account if that has another version."""
    touched = person in books.opening
    part = points_part(books, person, tick_of(at_us)) if touched else None
    return Outcome("applied", customer_id=customer_id, points=part)


def erase(document: CustomerErase, books: Books) -> Outcome:
    """Erase the person, by any of their ids. The ledger keeps the liability under a pseudonym.

    A block does not stop an erasure, because the law demands it.
    """
    holder, reason = _passes(books, document.customer_id, document.occurred_at)
    if holder is None or reason is not None:
        return Outcome("rejected", reason, customer_id=document.customer_id)
    person = books.person(holder)
    person.note_standing(document.occurred_at, Standing.CLOSED)
    _stand(books, person, Standing.CLOSED)
    books.erased += books.ids(person)
    books.close(person)
    return _about(books, person, document.customer_id, document.occurred_at)


def consent(document: ConsentSet, books: Books) -> Outcome:
    """Record a consent that was granted or withdrawn, in force from `occurred_at`."""
    holder, reason = _allowed(books, document.customer_id, document.occurred_at)
    if holder is None or reason is not None:
        return Outcome("rejected", reason, customer_id=document.customer_id)
    entry = Consent(
        document.customer_id, document.purpose, document.channel or "", document.granted, document.occurred_at
    )
    consents.note(books, entry)
    return Outcome("applied", customer_id=document.customer_id)


def merge(document: CustomerMerge, books: Books) -> Outcome:
    """Move everything of one customer to the other. The old id keeps leading there."""
    source, source_reason = _allowed(books, document.from_customer_id, document.occurred_at)
    into, into_reason = _allowed(books, document.into_customer_id, document.occurred_at)
    reason = first([source_reason, into_reason])
    if source is None or into is None or reason is not None:
        return Outcome("rejected", reason, customer_id=document.into_customer_id)
    target = books.follow(into)
    origin = books.follow(source)
    if target is origin or source.target is not None or (target.type is AccountType.POOL and _holds(origin)):
        return Outcome("rejected", Reason.INVALID_STATE, customer_id=document.into_customer_id)
    tick = tick_of(document.occurred_at)
    books.move_all(source, target, tick)
    person = books.person(into)
    carry_earned(books, source, person)
    books.carried.append((source, person))
    if source.key in books.consents:
        carried = [consent._replace(customer_id=person.key) for consent in books.consents[source.key]]
        books.consents[person.key] = books.consents.get(person.key, []) + carried
    books.lead(source, person)
    return _points_moved(books, document.into_customer_id, target, (document.from_customer_id, source), tick)


def _holds(account: Account) -> bool:
    """Return whether an account has open holds. A hold refers to its account, so the points can't go elsewhere before
    it ends.
    """
    return account.held > 0


def join(document: PoolJoin, books: Books) -> Outcome:
    """Add a customer to a pool. All their points go into it; from now on they earn into it and spend from it."""
    holder, reason = _allowed(books, document.customer_id, document.occurred_at)
    if holder is None or reason is not None:
        return Outcome("rejected", reason, customer_id=document.customer_id)
    person = books.person(holder)
    if person.target is not None or _holds(person):
        return Outcome("rejected", Reason.INVALID_STATE, customer_id=document.customer_id)
    pool = books.accounts.get((AccountType.POOL, document.pool_id))
    if pool is None:
        pool = books.accounts[AccountType.POOL, document.pool_id] = Account(AccountType.POOL, document.pool_id)
        books.touch(pool)
    tick = tick_of(document.occurred_at)
    books.move_all(person, pool, tick)
    books.enter_pool(person, pool)
    outcome = _points_moved(books, document.customer_id, pool, (document.customer_id, person), tick)
    outcome.notices = _pool_changed(books, pool, person, tick)
    return outcome


def leave(document: PoolLeave, books: Books) -> Outcome:
    """Take a customer out of the pool with `points` of its points; the last member takes everything (POOL4, POOL5).

    Later documents that still name the pool's account, such as a return or a refund, then lead to that last member.
    """
    holder, reason = _allowed(books, document.customer_id, document.occurred_at)
    if holder is None or reason is not None:
        return Outcome("rejected", reason, customer_id=document.customer_id)
    person = books.person(holder)
    if person.target != (AccountType.POOL, document.pool_id):
        return Outcome("rejected", Reason.INVALID_STATE, customer_id=document.customer_id)
    tick = tick_of(document.occurred_at)
    pool = books.accounts[person.target]
    last = not books.others(pool, person)
    if last and _holds(pool):
        return Outcome("rejected", Reason.INVALID_STATE, customer_id=document.customer_id)
    if not last and document.points > pool.available(tick):
        part = points_part(books, pool, tick)
        return Outcome("rejected", Reason.INSUFFICIENT_BALANCE, customer_id=document.customer_id, points=part)
    books.touch(person)
    books.leave_pool(person, pool)
    if last:
        books.move_all(pool, person, tick)
        pool.target = (person.type, person.key)
    else:
        books.move(pool, person, document.points, tick)
    outcome = _points_moved(books, document.customer_id, person, (document.customer_id, pool), tick)
    outcome.notices = _pool_changed(books, pool, person, tick)
    return outcome


def _points_moved(books: Books, customer_id: str, account: Account, source: tuple[str, Account], tick: int) -> Outcome:
    """Show the account that counts for the customer from now on, and the account that its points came from."""
    part = points_part(books, account, tick)
    left = (source[0], points_part(books, source[1], tick))
    return Outcome("applied", customer_id=customer_id, points=part, counterparty=left)


def _pool_changed(books: Books, pool: Account, person: Account, tick: int) -> list[Notice]:
    part = points_part(books, pool, tick)
    return [Notice(POOL_CHANGED, other, part) for other in books.others(pool, person)]


def put_policy(document: PolicyPut, books: Books) -> Outcome:
    """Put a new version, in force from `effective_from` on (contract POL5–7)."""
    number = books.policies.latest.version + 1
    if document.effective_from <= books.policies.at(document.occurred_at).effective_us:
        return Outcome("rejected", Reason.POLICY_NOT_LATER)
    if number > MOST_VERSIONS:
        return Outcome("rejected", Reason.OVER_MAXIMUM)
    version = PolicyVersion(number, document.effective_from, document.policy)
    books.policies.put(version)
    books.new_policies.append(version)
    return Outcome("applied", policy_version=version.version)
