"""Who may what: the table of design 8.2, asked against a real session."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from api.auth.credentials import Anonymous, Credential, KeyHolder
from api.auth.permissions import Permissions
from api.auth.tenants import Tenants
from api.auth.tokens import AccessToken, SeatToken
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.shapes import GrantChanges
from callplane.store.attachments import Attachments
from callplane.store.mongo.database import Database as Opened
from callplane.store.mongo.database import DatabaseClock, open_database
from callplane.store.sessions import Sessions
from callplane.store.tenancy import Tenancy
from testkit.servers.servers import Database

KEY, OPEN = KeyHolder("web", "web", is_operator=True), Anonymous()
ANY, MINE, OTHER = (AccessToken("web", "ada", session, "publisher", "web") for session in (None, "daily", "weekly"))
BY_ID = AccessToken("web", "ada", "s", "moderator", "web")


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
    "stop ada's connection": {"KEY", "ADA", "MOD"},
    "signal": {"KEY", "ADA", "MOD"},
    "read the history": {"KEY", "ADA", "MOD"},
    "see what carries the media": {"KEY"},
    "ask ada's client": {"KEY"},
    "rename ada": {"KEY", "OPEN", "ADA", "MOD"},
    "demote ada": {"KEY", "OPEN", "MOD"},
    "promote ada": {"KEY", "OPEN", "MOD"},
    "grant ada": {"KEY", "OPEN", "MOD"},
    "let ada moderate": {"KEY", "OPEN", "MOD"},
    "remove ada": {"KEY", "ADA", "MOD"},
    "say how available ada is": {"KEY", "OPEN", "ADA"},
    "raise ada's hand": {"KEY", "OPEN", "ADA"},
    "lower ada's hand": {"KEY", "OPEN", "ADA", "MOD"},
    "see presence": {"KEY", "OPEN", "ANY", "MINE", "OTHER", "BY_ID", "ADA", "MOD"},
    "say who joins": {"KEY"},
    "say what who joins may": {"KEY", "OPEN"},
    "operate": {"KEY"},
    "see what a tenant is given": {"KEY"},
    "reach dead letters": {"KEY"},
    "have webhooks": {"KEY", "OPEN"},
    "read a mailbox": {"ADA", "MOD", "KICKED", "GONE", "STRANGER"},
}
ABOUT_NOBODY = (
    "say who joins",
    "say what who joins may",
    "operate",
    "have webhooks",
    "read a mailbox",
    "see what a tenant is given",
    "reach dead letters",
)
OF_KEYS = ("see what carries the media", "ask ada's client")
WITHOUT_SESSION = ("create daily", "list", *OF_KEYS, *ABOUT_NOBODY)
CODES = {"KICKED": "kicked", "GONE": "join-again"}
CODES_AT: dict[tuple[str, str], str] = (
    {
        (doing, "OPEN"): "unauthorized"
        for doing in (
            "negotiate",
            "stop ada's connection",
            "read ada's connection",
            "signal",
            "read the history",
            *OF_KEYS,
            "remove ada",
            "operate",
            "see what a tenant is given",
            "reach dead letters",
            "read a mailbox",
        )
    }
    | {(doing, who): "forbidden" for doing in WITHOUT_SESSION for who in CODES}
    | {("see presence", "STRANGER"): "not-found"}
)


DO: dict[str, Callable[[Permissions, Credential], Any]] = {
    "create daily": lambda permissions, who: permissions.create(who, "daily"),
    "list": lambda permissions, who: permissions.list_sessions(who),
    "read": lambda permissions, who: permissions.read(who, "s"),
    "steer": lambda permissions, who: permissions.steer(who, "s"),
    "join": lambda permissions, who: permissions.join(who, "s", None),
    "join as moderator": lambda permissions, who: permissions.join(who, "s", "moderator"),
    "negotiate": lambda permissions, who: permissions.seat(who, "s"),
    "read ada's connection": lambda permissions, who: permissions.read_connection(who, "s", "ada"),
    "stop ada's connection": lambda permissions, who: permissions.stop_connection(who, "s", "ada"),
    "signal": lambda permissions, who: permissions.signal(who, "s"),
    "read the history": lambda permissions, who: permissions.read_history(who, "s"),
    "see what carries the media": lambda permissions, who: permissions.diagnose(who, "s"),
    "ask ada's client": lambda permissions, who: permissions.ask_client(who, "s", "ada"),
    "rename ada": lambda permissions, who: permissions.change_seat(who, "s", "ada", {"name": "Ada"}),
    "demote ada": lambda permissions, who: permissions.change_seat(who, "s", "ada", {"role": "subscriber"}),
    "promote ada": lambda permissions, who: permissions.change_seat(who, "s", "ada", {"role": "moderator"}),
    "grant ada": lambda permissions, who: permissions.change_seat(who, "s", "ada", {"grants": {"publish": []}}),
    "let ada moderate": lambda permissions, who: permissions.change_seat(
        who, "s", "ada", {"grants": {"moderate": True}}
    ),
    "remove ada": lambda permissions, who: permissions.remove_seat(who, "s", "ada"),
    "say how available ada is": lambda permissions, who: permissions.change_seat(who, "s", "ada", {"presence": {}}),
    "raise ada's hand": lambda permissions, who: permissions.change_seat(who, "s", "ada", {"hand_raised": True}),
    "lower ada's hand": lambda permissions, who: permissions.change_seat(who, "s", "ada", {"hand_raised": False}),
    "see presence": lambda permissions, who: permissions.presence(who),
    "say who joins": lambda permissions, who: permissions.join(who, "s", None, "eve"),
    "say what who joins may": lambda permissions, who: permissions.join(who, "s", None, None, GrantChanges()),
    "operate": lambda permissions, who: permissions.operate(who),
    "see what a tenant is given": lambda permissions, who: permissions.see_tenant(who, "web"),
    "reach dead letters": lambda permissions, who: permissions.reach_letters(who),
    "have webhooks": lambda permissions, who: permissions.hook(who),
    "read a mailbox": lambda permissions, who: permissions.read_mailbox(who),
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


def permissions_on(opened: Opened) -> Permissions:
    """As the API has them."""
    return Permissions(Sessions(opened, DatabaseClock(opened)), Attachments(opened), Tenants(Tenancy(opened)))


async def outcome(permissions: Permissions, doing: str, who: Credential) -> str:
    try:
        allowed = DO[doing](permissions, who)
        if inspect.isawaitable(allowed):
            await allowed
    except Refusal as refusal:
        return refusal.problem.code
    return "let"


@pytest.mark.parametrize("doing", LET)
async def test_the_table(database: Database, doing: str) -> None:
    await session_of(database)
    async with open_database(database.url, database.name) as opened:
        permissions = permissions_on(opened)
        got = {name: await outcome(permissions, doing, who) for name, who in ALL.items()}
    refusals = {name: CODES_AT.get((doing, name), CODES.get(name, "forbidden")) for name in ALL}
    assert got == refusals | dict.fromkeys(LET[doing], "let")


async def test_a_closed_session_can_be_read_and_left_but_not_used(database: Database) -> None:
    await session_of(database, status="closed")
    async with open_database(database.url, database.name) as opened:
        permissions = permissions_on(opened)
        got = {doing: await outcome(permissions, doing, MOD) for doing in LET if doing not in WITHOUT_SESSION}
    let = {doing for doing, code in got.items() if code == "let"}
    assert let == {"read", "read the history", "steer", "remove ada"}
    assert {got[doing] for doing in got if doing not in let} == {"session-closed"}


async def test_a_gone_seat_hears_why(database: Database) -> None:
    await session_of(database)
    async with open_database(database.url, database.name) as opened:
        permissions = permissions_on(opened)
        with pytest.raises(Refusal) as refusal:
            await permissions.seat(GONE, "s")
        assert refusal.value.problem.reason == "connection-lost"
        with pytest.raises(Refusal) as refusal:
            await permissions.seat(seat("ada", "nowhere"), "nowhere")
        assert refusal.value.problem.code == "not-found"


async def test_a_seat_that_comes_back_keeps_its_role(database: Database) -> None:
    await session_of(database)
    async with open_database(database.url, database.name) as opened:
        permissions = permissions_on(opened)
        admission = await permissions.join(ADA, "s", "moderator")
    assert (admission.role, admission.participant_id) == ("publisher", "ada")


async def test_moderation_that_was_taken_comes_back_with_a_new_seat_alone(database: Database) -> None:
    """The access token says what its bearer is whenever it sits down anew; the seat, what it has become since."""
    seats = [{"id": "ada", "role": "publisher"}, {"id": "mod", "role": "moderator"}]
    await session_of(database, participants=seats)
    async with open_database(database.url, database.name) as opened:
        permissions = permissions_on(opened)
        admissions = [await permissions.join(who, "s", None) for who in (ADA, MOD, BY_ID, MINE)]
    assert [(one.role, one.participant_id) for one in admissions] == [
        ("publisher", "ada"),
        ("moderator", "mod"),
        ("moderator", None),
        ("publisher", None),
    ]


async def test_who_moderates_by_a_grant_does_and_who_has_lost_it_does_not(database: Database) -> None:
    await session_of(
        database,
        participants=[
            {"id": "ada", "role": "publisher", "grants": {"moderate": True}},
            {"id": "mod", "role": "moderator", "grants": {"moderate": False}},
        ],
    )
    async with open_database(database.url, database.name) as opened:
        permissions = permissions_on(opened)
        got = {
            doing: [await outcome(permissions, doing, who) for who in (ADA, MOD)] for doing in ("steer", "grant ada")
        }
    assert got == {"steer": ["let", "forbidden"], "grant ada": ["let", "forbidden"]}
