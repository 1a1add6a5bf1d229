"""Keys, sessions, scopes and tenants (contract §5)."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from tests.api.conftest import ALL, Caller, NewCaller, Service, Serving, problem
from worker.api import callers
from worker.ledger import api_keys
from worker.ledger.queries import Connection

ONE = {"customer_id": "C"}


async def asked(service: Service, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with service.http() as http:
        return await http.post("/customer/update", json=ONE, headers=named)


@pytest.mark.parametrize(
    "secret",
    ["", "x", "g3nk_acme_" + "0" * 48, "g3ns_acme_" + "0" * 48, "g3nk_acme_", "g3nk_acme_" + "0" * 400, "g3nk_ACME_é"],
)
async def test_no_secret_that_is_accepted(service: Service, secret: str) -> None:
    async with service.http() as http:
        for name, value in ("X-Api-Key", secret), ("Authorization", f"Bearer {secret}"), ("Authorization", secret):
            headers = [(b"X-Orgcode", b"acme"), (name.encode(), value.encode())]
            answer = await http.post("/customer/update", json=ONE, headers=headers)
            assert problem(answer) == (401, "unauthorized", "credentials_not_accepted")
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_secret_in_the_other_header_is_not_accepted(service: Service, caller: Caller) -> None:
    token = (await caller.ok("session.create"))["token"]
    for headers in {"Authorization": f"Bearer {caller.secret}"}, {"X-Api-Key": token}, {"Authorization": token}:
        answer = await asked(service, X_Orgcode="acme", **headers)
        assert problem(answer) == (401, "unauthorized", "credentials_not_accepted")
    gateway = await asked(service, X_Orgcode="acme", X_Api_Key=caller.secret, Authorization="Basic Zw==")
    assert problem(gateway) == (404, "not-found", "customer_not_found")


async def test_the_tenant_is_the_keys(service: Service, caller: Caller) -> None:
    assert problem(await asked(service, X_Api_Key=caller.secret)) == (400, "invalid-request", "invalid_header")
    other = await asked(service, X_Api_Key=caller.secret, X_Orgcode="globex")
    assert problem(other) == (403, "forbidden", "orgcode_not_of_key")
    twice = await caller.http.post(
        "/customer/update", json=ONE, headers=[("X-Orgcode", "acme"), ("X-Api-Key", caller.secret), ("X-Orgcode", "b")]
    )
    assert problem(twice) == (400, "invalid-request", "invalid_header")


async def test_a_tenant_that_is_not_served(serving: Serving, caller: Caller) -> None:
    async with serving(orgcodes=frozenset({"globex"})) as other:
        answer = await asked(other, X_Api_Key=caller.secret, X_Orgcode="acme")
    assert problem(answer) == (401, "unauthorized", "credentials_not_accepted")


async def test_only_digests_are_stored(caller: Caller, connection: Connection) -> None:
    token = (await caller.ok("session.create"))["token"]
    for table in "api_key", "session":
        stored = str(await connection.fetch(f"SELECT * FROM {table}"))
        assert caller.secret not in stored
        assert token not in stored
        assert await connection.fetchval(f"SELECT length(digest) FROM {table}") == 32


# --- sessions --------------------------------------------------------------------------------------------------------


def bearer(caller: Caller, token: str) -> Caller:
    http = caller.service.http({"X-Orgcode": "acme", "Authorization": f"Bearer {token}"})
    return Caller(caller.service, http, caller.key_id, token)


async def test_a_session_does_what_its_key_may_or_less(caller: Caller) -> None:
    whole = await caller.ok("session.create")
    assert whole["scopes"] == sorted(ALL)
    narrow = await caller.ok("session.create", {"scopes": ["customer:read"], "ttl_s": 60})
    session = bearer(caller, narrow["token"])
    assert problem(await session.post("customer.update", ONE)) == (403, "forbidden", "scope_missing")
    assert (await bearer(caller, whole["token"]).post("customer.create", ONE)).status_code == 200
    wider = await session.post("session.create", {"scopes": ["customer:write"]})
    assert problem(wider) == (403, "forbidden", "scope_missing")
    unknown = await caller.post("session.create", {"scopes": ["customer:read", "all"]})
    assert unknown.json()["detail"].startswith("scopes[1]: one of ")


async def test_a_session_of_a_session_ends_with_it(caller: Caller) -> None:
    parent = await caller.ok("session.create", {"ttl_s": 60})
    child = await bearer(caller, parent["token"]).ok("session.create", {"ttl_s": 3600})
    assert child["expires_at"] == parent["expires_at"]


async def test_a_session_is_over(caller: Caller, connection: Connection) -> None:
    sessions = [await caller.ok("session.create") for _ in range(3)]
    held = [bearer(caller, one["token"]) for one in sessions]
    for one in held:
        assert (await one.post("customer.create")).status_code == 200
    assert await held[0].ok("session.revoke") == {"session_id": sessions[0]["session_id"]}
    await caller.ok("session.revoke", {"session_id": sessions[1]["session_id"]})
    await caller.ok("session.revoke", {"session_id": sessions[1]["session_id"]})
    answers = [await one.post("customer.create") for one in held]
    assert [one.status_code for one in answers] == [401, 401, 200]
    missing = await caller.post("session.revoke")
    assert missing.json()["detail"] == "session_id is missing"
    assert await connection.fetchval("SELECT count(*) FROM session") == 1


async def test_nobody_ends_the_session_of_another_key(caller: Caller, new_caller: NewCaller) -> None:
    session = await caller.ok("session.create")
    for other in await new_caller(), await new_caller(orgcode="globex"):
        await other.ok("session.revoke", {"session_id": session["session_id"]})
    assert (await bearer(caller, session["token"]).post("customer.create")).status_code == 200


async def test_revoking_a_session_ends_its_descendants(
    serving: Serving, caller: Caller, connection: Connection
) -> None:
    """Even those that another process opens with it before it hears of the end."""
    parent = await caller.ok("session.create")
    sibling = await caller.ok("session.create")
    child = await bearer(caller, parent["token"]).ok("session.create")
    grandchild = bearer(caller, (await bearer(caller, child["token"]).ok("session.create"))["token"])
    async with serving() as another:
        elsewhere = Caller(
            another, another.http({"X-Orgcode": "acme", "Authorization": f"Bearer {parent['token']}"}), "", ""
        )
        await elsewhere.ok("customer.create")
        await grandchild.ok("customer.create")
        await bearer(caller, parent["token"]).ok("session.revoke")
        late = await elsewhere.post("session.create")
        assert problem(late) == (401, "unauthorized", "credentials_not_accepted")
        assert (await elsewhere.post("customer.create")).status_code == 401
    assert (await grandchild.post("customer.create")).status_code == 401
    assert (await bearer(caller, child["token"]).post("customer.create")).status_code == 401
    assert (await bearer(caller, sibling["token"]).post("customer.create")).status_code == 200
    assert [row["id"] for row in await connection.fetch("SELECT id FROM session")] == [sibling["session_id"]]


async def test_sessions_are_listed_to_those_who_may_end_them(caller: Caller, new_caller: NewCaller) -> None:
    parent, sibling = [await caller.ok("session.create", {"scopes": ["customer:read"]}) for _ in range(2)]
    child = await bearer(caller, parent["token"]).ok("session.create")

    async def ids(asking: Caller) -> list[str]:
        return [one["session_id"] for one in (await asking.ok("session.list"))["sessions"]]

    (first, *_) = (await caller.ok("session.list"))["sessions"]
    assert (first["expires_at"], first["scopes"]) == (parent["expires_at"], ["customer:read"])
    assert await ids(caller) == [parent["session_id"], sibling["session_id"], child["session_id"]]
    assert await ids(bearer(caller, parent["token"])) == [parent["session_id"], child["session_id"]]
    assert await ids(bearer(caller, child["token"])) == [child["session_id"]]
    assert await ids(await new_caller()) == await ids(await new_caller(orgcode="globex")) == []
    for session_id in parent["session_id"], sibling["session_id"]:
        await bearer(caller, child["token"]).ok("session.revoke", {"session_id": session_id})
    assert len(await ids(caller)) == 3, "a session ends only itself and what it opened"


async def test_a_key_has_so_many_sessions(serving: Serving, new_caller: NewCaller) -> None:
    async with serving(api_sessions_per_key=3) as strict:
        caller, other = await new_caller(of=strict), await new_caller(of=strict)
        answers = await asyncio.gather(*(caller.post("session.create") for _ in range(6)))
        assert sorted(one.status_code for one in answers) == [200] * 3 + [429] * 3
        refused = next(one for one in answers if one.status_code == 429)
        assert problem(refused) == (429, "too-many-requests", "sessions_limited")
        assert (await other.post("session.create")).status_code == 200
        (first, *_) = (await caller.ok("session.list"))["sessions"]
        await caller.ok("session.revoke", {"session_id": first["session_id"]})
        assert (await caller.post("session.create")).status_code == 200


async def test_a_session_runs_out(caller: Caller, connection: Connection) -> None:
    session = await caller.ok("session.create")
    await connection.execute("UPDATE session SET expires_at = now() - interval '1 s'")
    answer = await bearer(caller, session["token"]).post("customer.create")
    assert problem(answer) == (401, "unauthorized", "credentials_not_accepted")
    await caller.ok("session.create")
    assert await connection.fetchval("SELECT count(*) FROM session") == 1, "those that are over are removed"


# --- revoked, rotated, run out ---------------------------------------------------------------------------------------


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forgets callers, as a process does after a few seconds."""
    monkeypatch.setattr(callers, "REMEMBERED_S", 0.0)


@pytest.mark.usefixtures("forgetful")
async def test_revoking_a_key_ends_its_sessions(caller: Caller, connection: Connection) -> None:
    session = bearer(caller, (await caller.ok("session.create"))["token"])
    assert not await api_keys.revoke(connection, "globex", caller.key_id)
    assert [(await one.post("customer.create")).status_code for one in (caller, session)] == [200, 200]
    assert await api_keys.revoke(connection, "acme", caller.key_id)
    assert [(await one.post("customer.create")).status_code for one in (caller, session)] == [401, 401]
    assert await api_keys.rotate(connection, "acme", caller.key_id, timedelta(hours=1)) is None


@pytest.mark.usefixtures("forgetful")
async def test_rotating_leaves_the_old_key_for_a_while(caller: Caller, connection: Connection) -> None:
    made = await api_keys.rotate(connection, "acme", caller.key_id, timedelta(hours=1))
    assert made is not None
    new, secret = made
    assert (new.name, new.scopes) == ("of a test", ALL)
    assert (await asked(caller.service, X_Orgcode="acme", X_Api_Key=secret)).status_code == 404
    assert (await caller.post("customer.create")).status_code == 200
    await connection.execute("UPDATE api_key SET expires_at = now() WHERE id = $1", caller.key_id)
    assert (await caller.post("customer.create")).status_code == 401


async def test_a_caller_is_remembered_for_seconds_only(caller: Caller, connection: Connection) -> None:
    await caller.ok("customer.create")
    await api_keys.revoke(connection, "acme", caller.key_id)
    assert (await caller.post("customer.create")).status_code == 200
    known = caller.service.api._callers._known
    (digest,) = known
    until, who = known[digest]
    assert until - asyncio.get_running_loop().time() <= callers.REMEMBERED_S <= 10
    known[digest] = (0.0, who)
    assert (await caller.post("customer.create")).status_code == 401
    assert not known


async def test_not_everybody_is_remembered(
    caller: Caller, new_caller: NewCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers, "REMEMBERED", 2)
    for one in caller, await new_caller(), await new_caller():
        await one.ok("customer.create")
    assert len(caller.service.api._callers._known) == 2
    await caller.ok("customer.create")
