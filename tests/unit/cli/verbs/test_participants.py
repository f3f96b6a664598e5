"""`callplane participants`, `signal`, `sessions create` and `replay`: a call that is steered from the command line."""

import asyncio
import json
from typing import Any

import pytest

from callplane_client import AsyncCallplane
from cli import __main__ as command
from cli.verbs.server import Failed
from testkit.fakes.asgi import KEY
from testkit.inprocess.whole import whole
from testkit.servers.servers import Database
from testkit.servers.until import until
from tests.unit.cli.verbs.asking import asked_by

PATH = "/sessions/s/participants"
SEAT = {"id": "ada", "muted": {"audio": True}, "streams": []}


def answer(asked: tuple[Any, ...]) -> dict[str, Any]:
    """A seat; what is about `bad` is refused."""
    if "bad" in asked[1]:
        raise Failed("There is no such participant.")
    return SEAT


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        (["show", "s", "ada"], [("GET", f"{PATH}/ada")]),
        (
            ["mute", "s", "ada", "bo"],
            [("PATCH", f"{PATH}/{one}", {"muted": {"audio": True}}) for one in ("ada", "bo")],
        ),
        (
            ["mute", "s", "ada", "--audio", "--video"],
            [("PATCH", f"{PATH}/ada", {"muted": {"audio": True, "video": True}})],
        ),
        (
            ["mute", "s", "--all", "--but", "ada", "--video"],
            [("POST", "/sessions/s/mute", {"video": True, "but": ["ada"]})],
        ),
        (["unmute", "s", "ada", "--video"], [("PATCH", f"{PATH}/ada", {"muted": {"video": False}})]),
        (
            ["grant", "s", "ada", "--publish", "microphone,screen", "--no-chat", "--moderate"],
            [
                (
                    "PATCH",
                    f"{PATH}/ada",
                    {"grants": {"publish": ["microphone", "screen"], "chat": False, "moderate": True}},
                )
            ],
        ),
        (
            ["grant", "s", "ada", "--role", "moderator", "--publish", "none"],
            [("PATCH", f"{PATH}/ada", {"role": "moderator", "grants": {"publish": []}})],
        ),
        (["stop-stream", "s", "c"], [("DELETE", "/sessions/s/connections/c")]),
        (["kick", "s", "ada"], [("DELETE", f"{PATH}/ada?reason=kicked&ban=true")]),
        (
            ["kick", "s", "a/b", "--no-ban", "--reason", "be kind"],
            [("DELETE", f"{PATH}/a%2Fb?reason=be+kind&ban=false")],
        ),
        (["unban", "s", "web:ada"], [("DELETE", "/sessions/s/bans/web%3Aada")]),
    ],
)
def test_each_verb_asks_for_what_was_said(
    said: list[str], asked: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked_by(["participants", *said], answer, monkeypatch) == asked


@pytest.mark.parametrize(
    "wrong",
    [
        ["mute", "s"],
        ["mute", "s", "ada", "--all"],
        ["mute", "s", "ada", "--but", "bo"],
        ["grant", "s", "ada"],
        ["grant", "s", "ada", "--publish", "hologram"],
        ["unmute", "s"],
    ],
)
def test_what_says_nobody_or_nothing_is_wrong_usage(
    wrong: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        assert asked_by(["participants", *wrong], answer, monkeypatch, status=2) == []
    except SystemExit as leaving:
        assert leaving.code == 2
    assert "callplane" in capsys.readouterr().err


@pytest.mark.parametrize("said", [["participants", "list"], ["sessions", "show"]])
def test_who_is_hidden_is_shown_as_such(
    said: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seats = {"participants": [{**SEAT, "role": "moderator"}], "hidden": [{**SEAT, "id": "eye", "role": "subscriber"}]}
    asked_by([*said, "s"], lambda _: {"id": "s", **seats}, monkeypatch)
    shown = [line.split() for line in capsys.readouterr().out.splitlines()[-2:]]
    assert [(line[0], line[2], "hidden" in line) for line in shown] == [
        ("ada", "moderator", False),
        ("eye", "subscriber", True),
    ]


@pytest.mark.parametrize("verb", ["mute", "kick"])
def test_one_refusal_does_not_hold_up_the_others(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(asked_by(["participants", verb, "s", "bad", "ada"], answer, monkeypatch, status=1)) == 2
    told = capsys.readouterr()
    assert told.err == "callplane: bad: There is no such participant.\n"
    assert told.out.endswith(": ada\n")


async def test_a_call_is_steered_and_told_again(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    async with whole(database) as url, AsyncCallplane(url, api_key=KEY) as callplane:

        async def run(*said: str, as_json: bool = True) -> Any:
            given = [*said, "--url", url, "--api-key", KEY, *(["--json"] if as_json else [])]
            assert await asyncio.to_thread(command.main, given) == 0, capsys.readouterr().err
            out = capsys.readouterr().out
            return json.loads(out) if as_json else out

        async def told_to_the_end() -> bool:
            nonlocal told
            told = await run("replay", session)
            return [one["type"] for one in told["events"]][-1:] == ["session-closed"]

        told: dict[str, Any] = {}
        session = (await run("sessions", "create", "--custom-id", "daily", "--max-participants", "4"))["id"]
        changed = await run("sessions", "update", session, "--metadata", '{"topic": "x"}')
        assert (changed["max_participants"], changed["metadata"]) == (4, {"topic": "x"})
        ada, bo = [
            callplane.seat(await callplane.participants.join(session, name=name, identity=name))
            for name in ("Ada", "Bo")
        ]
        await run("participants", "mute", session, "--all", "--but", ada.id, as_json=False)
        granted = await run("participants", "grant", session, bo.id, "--publish", "screen", "--role", "moderator")
        assert (granted["role"], granted["grants"]["publish"], granted["muted"]["audio"]) == (
            *("moderator", ["screen"]),
            True,
        )
        said = await run("signal", session, "chat", "--text", "Hello", "--to", ada.id, "--role", "moderator")
        for seat in (ada, bo):
            async with asyncio.timeout(20):
                async for message in seat.messages():
                    if message.id == said["id"]:
                        assert message.data["data"] == {"text": "Hello"}
                        break
        await callplane.participants.join(session, name="Rec", role="subscriber", grants={"hidden": True})
        table = await run("participants", "list", session, as_json=False)
        assert [line.split()[1:4] for line in table.splitlines()[1:]] == [
            ["Ada", "publisher", "joined"],
            ["Bo", "moderator", "joined"],
            ["Rec", "subscriber", "hidden"],
        ]
        await run("participants", "kick", session, bo.id, as_json=False)
        [ban] = (await run("participants", "bans", session))["bans"]
        await run("participants", "unban", session, ban["identity"], as_json=False)
        assert (await run("participants", "bans", session))["bans"] == []
        await run("sessions", "close", session, as_json=False)
        await until(told_to_the_end, 30)  # the time line is written behind what happens
        lines = await run("replay", session, "--participant", bo.id, as_json=False)
    types = [one["type"] for one in told["events"]]
    assert (types[0], types[-1]) == ("session-created", "session-closed")
    assert {"participant-joined", "participants-muted", "participant-updated", "participant-left"} <= set(types)
    assert [line.split()[2] for line in lines.splitlines() if line.startswith("+")] == [
        one["type"] for one in told["events"] if bo.id in json.dumps(one) and one["type"] != "participants-muted"
    ]
    assert "kicked" in lines
