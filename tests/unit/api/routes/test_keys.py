"""API keys of the database: shown once, kept as hashes, rotated with an overlap, revoked on every pod within 2 s."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx

from api.auth.stored_keys import FOLLOW_SECONDS, StoredKeys
from callplane.contracts.errors import Unavailable
from callplane.store.api_keys import SECRETS_KEPT, ApiKey, ApiKeys, KeptSecret, digest
from callplane.store.mongo.database import open_database
from testkit.fakes.asgi import BY_KEY, KEY, SECRET, Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from testkit.servers.until import until

OPERATORS = {"api_keys": f"ops:{KEY}"}


async def made(it: Api, name: str, **more: Any) -> dict[str, Any]:
    """A key that was just made."""
    answer = await it.http.post("/v1/keys", json={"name": name, **more}, headers=BY_KEY)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def status(it: Api, secret: str, path: str = "/v1/sessions") -> int:
    """What a key is answered."""
    return (await it.http.get(path, headers={"X-API-Key": secret})).status_code


async def test_a_secret_is_shown_once_and_kept_as_a_hash(database: Database) -> None:
    async with api(settings_for(database, **OPERATORS), ScriptedBus()) as it:
        shop = await made(it, "shop", tenant="acme")
        assert (shop["tenant"], shop["operator"], shop["ending"]) == ("acme", False, [])
        assert await status(it, shop["secret"]) == 200
        assert await status(it, shop["secret"] + "x") == 401
        listed = (await it.http.get("/v1/keys", headers=BY_KEY)).json()["keys"]
        assert listed == [{name: value for name, value in shop.items() if name != "secret"}]
        [document] = await database.documents("api_keys")
        assert shop["secret"] not in str(document)


async def test_a_key_of_a_tenant_is_no_operators_unless_it_is_made_one(database: Database) -> None:
    async with api(settings_for(database, **OPERATORS), ScriptedBus()) as it:
        plain, operator = await made(it, "plain"), await made(it, "root", operator=True)
        assert [await status(it, one["secret"], "/v1/keys") for one in (plain, operator)] == [404, 200]
        by_plain = {"X-API-Key": plain["secret"]}
        assert (await it.http.post("/v1/keys", json={"name": "mine"}, headers=by_plain)).status_code == 404


async def test_a_name_is_one_keys(database: Database) -> None:
    async with api(settings_for(database, **OPERATORS), ScriptedBus()) as it:
        await made(it, "shop")
        for name in ("shop", "ops"):
            again = await it.http.post("/v1/keys", json={"name": name}, headers=BY_KEY)
            assert (again.status_code, again.json()["code"]) == (409, "wrong-state"), name


async def test_of_two_who_make_one_name_at_once_one_does(database: Database) -> None:
    async with open_database(database.url, database.name) as store:
        keys = ApiKeys(store)
        both = [keys.make("shop", tenant, operator=False, secret=tenant * 20) for tenant in ("a", "b")]
        won = [one for one in await asyncio.gather(*both) if one is not None]
        assert len(won) == 1
        assert [one.tenant for one in await keys.all()] == [won[0].tenant]


async def test_a_rotated_secret_is_good_for_its_overlap(database: Database) -> None:
    async with api(settings_for(database, **OPERATORS), ScriptedBus()) as it:
        first = await made(it, "shop")
        rotate = "/v1/keys/shop/rotate"
        second = (await it.http.post(rotate, json={"overlap": 600}, headers=BY_KEY)).json()
        assert len(second["ending"]) == 1
        assert [await status(it, one["secret"]) for one in (first, second)] == [200, 200]
        third = (await it.http.post(rotate, json={"overlap": 0}, headers=BY_KEY)).json()
        assert [await status(it, one["secret"]) for one in (first, second, third)] == [401, 401, 200]
        for _ in range(SECRETS_KEPT + 2):
            await it.http.post(rotate, json={"overlap": 600}, headers=BY_KEY)
        [document] = await database.documents("api_keys")
        assert len(document["secrets"]) == SECRETS_KEPT
        assert (await it.http.post("/v1/keys/none/rotate", json={}, headers=BY_KEY)).status_code == 404


async def test_other_pods_follow_by_themselves(database: Database) -> None:
    settings = settings_for(database, **OPERATORS)
    async with api(settings, ScriptedBus()) as one, api(settings, ScriptedBus()) as other:
        shop = await made(one, "shop")

        async def answers(wanted: int) -> bool:
            return await status(other, shop["secret"]) == wanted

        await until(lambda: answers(200))
        assert (await one.http.delete("/v1/keys/shop", headers=BY_KEY)).status_code == 204
        assert await status(one, shop["secret"]) == 401
        await until(lambda: answers(401))
        assert (await one.http.delete("/v1/keys/shop", headers=BY_KEY)).status_code == 404
    assert FOLLOW_SECONDS <= 1


async def test_access_tokens_of_a_key_end_with_it(database: Database) -> None:
    async with api(settings_for(database, **OPERATORS), ScriptedBus()) as it:
        shop = {"X-API-Key": (await made(it, "shop", tenant="acme"))["secret"]}
        asked = await it.http.post("/v1/tokens", json={"session": "*", "identity": "ada"}, headers=shop)
        bearer = {"Authorization": f"Bearer {asked.json()['token']}"}

        async def listed() -> httpx.Response:
            return await it.http.get("/v1/sessions", headers=bearer)

        assert (await listed()).status_code == 200
        await it.http.delete("/v1/keys/shop", headers=BY_KEY)
        assert (await listed()).status_code == 401


async def test_access_tokens_of_a_revoked_key_are_none_of_the_next_under_its_name(database: Database) -> None:
    async with api(settings_for(database, **OPERATORS), ScriptedBus()) as it:
        first = {"X-API-Key": (await made(it, "shop", tenant="acme"))["secret"]}
        asked = await it.http.post("/v1/tokens", json={"session": "*", "identity": "ada"}, headers=first)
        bearer = {"Authorization": f"Bearer {asked.json()['token']}"}
        assert (await it.http.get("/v1/sessions", headers=bearer)).status_code == 200, "and it is known from now on"
        await it.http.delete("/v1/keys/shop", headers=BY_KEY)
        assert (await it.http.get("/v1/sessions", headers=bearer)).status_code == 401
        second = {"X-API-Key": (await made(it, "shop", tenant="other"))["secret"]}
        assert (await it.http.get("/v1/sessions", headers=bearer)).status_code == 401
        rotated = await it.http.post("/v1/keys/shop/rotate", json={"overlap": 600}, headers=BY_KEY)
        asked = await it.http.post("/v1/tokens", json={"session": "*", "identity": "ada"}, headers=second)
        assert rotated.status_code == 200
        bearer = {"Authorization": f"Bearer {asked.json()['token']}"}
        assert (await it.http.get("/v1/sessions", headers=bearer)).status_code == 200


async def test_a_look_that_was_begun_before_a_key_was_revoked_does_not_bring_it_back() -> None:
    secret, went_on = "s" * 40, asyncio.Event()
    key = ApiKey(_id="shop", tenant="acme", secrets=[KeptSecret(hash=digest(secret))], created_at=datetime.now(UTC))

    class _Stored(ApiKeys):
        def __init__(self) -> None:
            self.looks = 0

        async def all(self) -> list[ApiKey]:
            self.looks += 1
            if self.looks > 1:
                return []
            await went_on.wait()
            return [key]

    known = StoredKeys(_Stored(), lambda: datetime.now(UTC), (SECRET,))
    older = asyncio.create_task(known.follow())
    await asyncio.sleep(0)
    await known.follow()  # of the request that revoked it
    went_on.set()
    await older
    assert known.of_secret(secret) is None


async def test_while_the_database_is_away_the_last_look_goes_on(database: Database) -> None:
    async with open_database(database.url, database.name) as store:
        stored = ApiKeys(store)
        key = await stored.make("shop", "acme", operator=False, secret="s" * 40)
        assert key is not None
        known = StoredKeys(stored, lambda: key.created_at, (SECRET,))
        await known.follow()

        async def away() -> None:
            raise Unavailable("away")

        stored.all = away  # type: ignore[assignment]
        try:
            await known.follow()
        except Unavailable:
            assert known.of_secret("s" * 40) == key
