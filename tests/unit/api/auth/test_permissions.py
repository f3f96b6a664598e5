"""Who may what: the table of design 8.2, asked against a real session."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from api.auth.credentials import Anonymous, Credential, KeyHolder
from api.auth.permissions import Permissions
from api.auth.tokens import AccessToken, SeatToken
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.attachments import Attachments
from callplane.store.mongo.database import DatabaseClock, open_database
from callplane.store.sessions import Sessions
from testkit.servers.servers import Database

KEY, OPEN = KeyHolder("web"), Anonymous()
ANY, MINE, OTHER = (AccessToken("web", "ada", session, "publisher") for session in (None, "daily", "weekly"))
BY_ID = AccessToken("web", "ada", "s", "moderator")


def seat(participant: str, session: str = "s") -> SeatToken:
    return SeatToken(SessionId(session), ParticipantId(participant))


ADA, MOD, KICKED, GONE, STRANGER = seat("ada"), seat("mod"), seat("kicked"), seat("gone"), seat("ada", "t")
ALL = {
    "KEY": KEY,
    "OPEN": OPEN,
    "ANY": ANY,
    "MINE": MINE,
    "OTHER": OTHER,
    "BY_ID": BY_ID,
    "ADA": ADA,
    "MOD": MOD,
    "KICKED": KICKED,
    "GONE": GONE,
    "STRANGER": STRANGER,
}

# The credentials that are let through; the others must be refused with the code, by default `forbidden`.
LET: dict[str, set[str]] = {
    "create daily": {"KEY", "OPEN", "ANY", "MINE"},
    "list": {"KEY", "OPEN", "ANY"},
    "read": {"KEY", "OPEN", "ANY", "MINE", "BY_ID", "ADA", "MOD"},
    "steer": {"KEY", "OPEN", "MOD"},
    "join": {"KEY", "OPEN", "ANY", "MINE", "BY_ID", "ADA", "MOD"},
    "join as moderator": {"KEY", "OPEN", "BY_ID", "ADA", "MOD"},
    "negotiate": {"ADA", "MOD"},
    "read ada's connection": {"KEY", "ADA"},
    "signal": {"KEY", "ADA", "MOD"},
    "rename ada": {"KEY", "OPEN", "ADA", "MOD"},
    "demote ada": {"KEY", "OPEN", "MOD"},
    "promote ada": {"KEY", "OPEN"},
    "remove ada": {"KEY", "ADA", "MOD"},
    "operate": {"KEY"},
}
WITHOUT_SESSION = ("create daily", "list", "operate")
CODES = {"KICKED": "kicked", "GONE": "join-again"}
CODES_AT: dict[tuple[str, str], str] = {
    (doing, "OPEN"): "unauthorized"
    for doing in ("negotiate", "read ada's connection", "signal", "remove ada", "operate")
} | {(doing, who): "forbidden" for doing in WITHOUT_SESSION for who in CODES}


DO: dict[str, Callable[[Permissions, Credential], Any]] = {
    "create daily": lambda permits, who: permits.create(who, "daily"),
    "list": lambda permits, who: permits.list_sessions(who),
    "read": lambda permits, who: permits.read(who, "s"),
    "steer": lambda permits, who: permits.steer(who, "s"),
    "join": lambda permits, who: permits.join(who, "s", None),
    "join as moderator": lambda permits, who: permits.join(who, "s", "moderator"),
    "negotiate": lambda permits, who: permits.seat(who, "s"),
    "read ada's connection": lambda permits, who: permits.read_connection(who, "s", "ada"),
    "signal": lambda permits, who: permits.signal(who, "s"),
    "rename ada": lambda permits, who: permits.change_seat(who, "s", "ada", {"name": "Ada"}),
    "demote ada": lambda permits, who: permits.change_seat(who, "s", "ada", {"role": "subscriber"}),
    "promote ada": lambda permits, who: permits.change_seat(who, "s", "ada", {"role": "moderator"}),
    "remove ada": lambda permits, who: permits.remove_seat(who, "s", "ada"),
    "operate": lambda permits, who: permits.operate(who),
}


async def session_of(database: Database, **fields: Any) -> None:
    """Put a session there as a wrapper would have left it."""
    settings = {"max_participants": 9, "empty_timeout": 1, "departure_timeout": 1, "grace": 1}
    seats = [{"id": "ada", "role": "publisher"}, {"id": "mod", "role": "moderator"}]
    async with database.client() as client:
        clock = (await client.admin.command("hello"))["localTime"]
        base = {"_id": "s", "custom_id": "daily", "status": "open", "version": 4, "epoch": 1, "settings": settings}
        more = {"participants": seats, "kicked": ["kicked"], "created_at": clock}
        await client[database.name]["sessions"].insert_one({**base, **more, **fields})
        ended = {"_id": "gone", "session_id": "s", "state": "ended", "reason": "connection-lost", "since": clock}
        await client[database.name]["attachments"].insert_one(ended)


async def outcome(permits: Permissions, doing: str, who: Credential) -> str:
    try:
        asked = DO[doing](permits, who)
        if inspect.isawaitable(asked):
            await asked
    except Refusal as refusal:
        return refusal.problem.code
    return "let"


@pytest.mark.parametrize("doing", LET)
async def test_the_table(database: Database, doing: str) -> None:
    await session_of(database)
    async with open_database(database.url, database.name) as opened:
        permits = Permissions(Sessions(opened, DatabaseClock(opened)), Attachments(opened))
        got = {name: await outcome(permits, doing, who) for name, who in ALL.items()}
    refusals = {name: CODES_AT.get((doing, name), CODES.get(name, "forbidden")) for name in ALL}
    assert got == refusals | dict.fromkeys(LET[doing], "let")


async def test_a_closed_session_can_be_read_and_left_but_not_used(database: Database) -> None:
    await session_of(database, status="closed")
    async with open_database(database.url, database.name) as opened:
        permits = Permissions(Sessions(opened, DatabaseClock(opened)), Attachments(opened))
        got = {doing: await outcome(permits, doing, MOD) for doing in LET if doing not in WITHOUT_SESSION}
    let = {doing for doing, code in got.items() if code == "let"}
    assert let == {"read", "steer", "remove ada"}
    assert {got[doing] for doing in got if doing not in let} == {"session-closed"}


async def test_a_gone_seat_hears_why(database: Database) -> None:
    await session_of(database)
    async with open_database(database.url, database.name) as opened:
        permits = Permissions(Sessions(opened, DatabaseClock(opened)), Attachments(opened))
        with pytest.raises(Refusal) as refusal:
            await permits.seat(GONE, "s")
        assert refusal.value.problem.reason == "connection-lost"
        with pytest.raises(Refusal) as refusal:
            await permits.seat(seat("ada", "nowhere"), "nowhere")
        assert refusal.value.problem.code == "not-found"


async def test_a_seat_that_comes_back_keeps_its_role(database: Database) -> None:
    await session_of(database)
    async with open_database(database.url, database.name) as opened:
        permits = Permissions(Sessions(opened, DatabaseClock(opened)), Attachments(opened))
        admission = await permits.join(ADA, "s", "moderator")
    assert (admission.role, admission.participant_id) == ("publisher", "ada")
