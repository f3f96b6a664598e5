"""Whether each command had its effect, once: seats, patches, connections, leaving and closing."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from testkit.clients.history import Command
from tests.chaos.accounts import Account
from tests.chaos.verdict import Verdict

ACCEPTED = 202
LATE = 12.0
"""Until then an unanswered update may still happen: it is refused 8 s after a pod has read it (its deadline), and a pod
that reads it after its client has gone sends nothing. Stricter than that promise: a client is there for 15 s."""


def check_commands(account: Account, verdict: Verdict) -> None:
    """Every kind of command of one session."""
    _joins(account, verdict)
    _patches(account, verdict)
    _offers(account, verdict)
    _rejoins(account, verdict)
    _leaves(account, verdict)
    _closes(account, verdict)


def _joins(account: Account, verdict: Verdict) -> None:
    """One key is one seat, and nobody sits there whom nobody sent."""
    joins = {command.what["key"]: command for command in account.of("join")}
    shown = [event["data"]["participant"] for event in account.events("participant-joined")]
    for seat, times in Counter(seat["id"] for seat in shown).items():
        if times > 1:
            verdict.say("duplicated", f"{seat} joined {times} times")
    shown += [seat for look in _looks(account) for seat in look.answer["participants"]]
    for key, command in joins.items():
        if command.outcome == "ok":
            shown.append({**command.answer["participant"], "metadata": {"join": key}})
            _still_sits(account, command, verdict)
    seats: dict[str, set[str]] = {}
    for seat in shown:
        seats.setdefault(seat["metadata"].get("join", ""), set()).add(seat["id"])
    for key, ids in seats.items():
        if key not in joins:
            verdict.say("phantom", f"{sorted(ids)} sit in {account.session}, whom nobody sent ({key!r})")
        if len(ids) > 1:
            verdict.say("duplicated", f"join {key} took the seats {sorted(ids)}")


def _still_sits(account: Account, join: Command, verdict: Verdict) -> None:
    seat = join.answer["participant"]["id"]
    left = min((c.asked for c in account.of("leave") if c.what["participant"] == seat), default=float("inf"))
    for look in _looks(account):
        if look.asked > join.answered and look.answered < left and seat not in _seats(look):
            verdict.say("lost", f"seat {seat} is not in the session, though it joined and has not left")


def _patches(account: Account, verdict: Verdict) -> None:
    """Once an update is acknowledged nobody reads an older value, and each is told of."""
    groups: dict[str | None, list[Command]] = {}
    for command in account.of("patch", "patch-session"):
        groups.setdefault(command.what.get("participant"), []).append(command)
    for subject, patches in groups.items():
        values = [(_value(look.answer, subject), look.asked, look.answered) for look in _looks(account)]
        own = [(p.answer["metadata"].get("n", 0), p.asked, p.answered) for p in patches if p.outcome == "ok"]
        for value, asked, answered in [*values, *own]:
            _read(patches, value, (asked, answered), verdict)
    _told(account, verdict)


def _read(patches: list[Command], value: int | None, when: tuple[float, float], verdict: Verdict) -> None:
    """``value`` was read between two times: it must be the newest acknowledged one, or one in flight since."""
    asked, answered = when
    if value is None:
        return
    before = [p for p in patches if p.outcome == "ok" and p.answered <= asked]
    newest = before[-1] if before else None
    possible = {0} if newest is None else {newest.what["n"]}
    for patch in patches:
        begun = patch.asked < answered
        later = newest is None or patch.what["n"] > newest.what["n"]
        lingers = newest is not None and patch.doubtful and _last(patch) + LATE > newest.asked
        if begun and (later or lingers):
            possible.add(patch.what["n"])
    if value not in possible:
        who = patches[0].what.get("participant", "the session")
        kind = "lost" if newest is not None and value < newest.what["n"] else "phantom"
        verdict.say(kind, f"{who} shows {value} after {sorted(possible)} was written")


def _told(account: Account, verdict: Verdict) -> None:
    for op, type_ in (("patch", "participant-updated"), ("patch-session", "session-updated")):
        patches = account.of(op)
        # A stream that takes another's place changes its participant too.
        changes = [*patches, *(account.of("replace") if op == "patch" else [])]
        if not account.witnessed(min((change.asked for change in changes), default=0.0)):
            continue
        heard = len(account.events(type_))
        done = sum(patch.outcome == "ok" for patch in patches)
        requests = sum(len(change.attempts) for change in changes)
        if heard < done:
            verdict.say("lost", f"{account.session}: {done} updates are acknowledged, {heard} {type_} were told")
        if heard > requests:
            verdict.say("duplicated", f"{account.session}: {requests} updates were asked for, {heard} {type_} told")


@dataclass
class Told:
    """What was told of the connections of a session: publications, answers, and commands with an outcome."""

    published: Counter[str] = field(default_factory=Counter)
    shown: set[str] = field(default_factory=set)
    answers: dict[str, set[str]] = field(default_factory=dict)
    outcomes: set[str] = field(default_factory=set)

    def hear(self, message: dict[str, Any]) -> None:
        """One message to one participant."""
        if message["type"] in ("answer", "error"):
            self.outcomes.add(message["data"]["command_id"])
        if message["type"] == "answer":
            self.answers.setdefault(message["data"]["connection_id"], set()).add(message["data"]["sdp_answer"])


def _offers(account: Account, verdict: Verdict) -> None:
    """One key is one connection with one answer, and a publication is told of once."""
    told = Told(Counter(event["data"]["connection_id"] for event in account.events("stream-published")))
    updated = [event["data"]["participant"] for event in account.events("participant-updated")]
    told.shown = {stream["connection_id"] for participant in updated for stream in participant["streams"]}
    for reader in account.readers:
        for delivery in account.first(reader):
            told.hear(delivery.message)
    publications = account.of("publish", "replace")
    for command in [*publications, *account.of("subscribe")]:
        if command.outcome == "ok":
            _offered(account, command, told, verdict)
    made = {command.answer.get("id") for command in publications}
    unsure = any(command.outcome != "ok" for command in publications)
    for connection, times in told.published.items():
        if times > 1:
            verdict.say("duplicated", f"connection {connection} was published {times} times")
        if connection not in made and not unsure:
            verdict.say("phantom", f"connection {connection} was published by nobody")


def _offered(account: Account, command: Command, told: Told, verdict: Verdict) -> None:
    connection = command.answer["id"]
    if command.status == ACCEPTED:
        reader = next(r for r in account.readers if r.participant == command.client)
        # What waits for its retry is lost when the node of the session's own queue goes in that second.
        gone = account.away(reader.participant, command.asked, reader.finished) or account.out_of_reach(
            f"session.{account.session}", command.asked, command.answered + LATE
        )
        if reader.ended == "closed" and not gone and command.answer["command_id"] not in told.outcomes:
            verdict.say("lost", f"{command.op} {command.n}: neither answer nor error came for {connection}")
        return
    given = told.answers.get(connection, set()) | {command.answer["sdp_answer"]}
    if len(given) > 1:
        verdict.say("duplicated", f"connection {connection} was answered in {len(given)} ways")
    seen = told.published[connection] or (command.op == "replace" and connection in told.shown)
    if command.op != "subscribe" and account.witnessed(command.asked) and not seen:
        verdict.say("lost", f"{connection} was answered, but its stream was never told of")


def _rejoins(account: Account, verdict: Verdict) -> None:
    for command in account.of("rejoin"):
        if command.outcome == "ok" and command.answer["participant"]["id"] != command.client:
            verdict.say("duplicated", f"{command.client} came back as {command.answer['participant']['id']}")


def _leaves(account: Account, verdict: Verdict) -> None:
    told = Counter(event["data"]["participant_id"] for event in account.events("participant-left"))
    for participant, times in told.items():
        if times > 1:
            verdict.say("duplicated", f"{participant} left {times} times")
    for leave in account.of("leave"):
        seat = leave.what["participant"]
        if leave.outcome != "ok":
            continue
        if account.witnessed(leave.asked) and not told[seat]:
            verdict.say("lost", f"{seat} left, and nobody was told")
        if any(look.asked > leave.answered and seat in _seats(look) for look in _looks(account)):
            verdict.say("lost", f"{seat} left, and still sits there")


def _closes(account: Account, verdict: Verdict) -> None:
    closes = account.of("close")
    if len(account.events("session-closed")) > 1:
        verdict.say("duplicated", f"{account.session} was closed more than once")
    if account.events("session-closed") and not closes:
        verdict.say("phantom", f"{account.session} was closed, and nobody asked for it")
    for close in closes:
        for look in account.of("look"):
            if close.outcome == "ok" and look.asked > close.answered and look.answer.get("status") == "open":
                verdict.say("lost", f"{account.session} is open after its close")


def _looks(account: Account) -> list[Command]:
    return [c for c in account.of("look") if c.outcome == "ok" and c.answer.get("status") == "open"]


def _seats(look: Command) -> set[str]:
    return {seat["id"] for seat in look.answer["participants"]}


def _value(session: dict[str, Any], participant: str | None) -> int | None:
    """The number in the metadata of a seat, or of the session itself."""
    if participant is None:
        return int(session["metadata"].get("n", 0))
    seat = next((s for s in session["participants"] if s["id"] == participant), None)
    return None if seat is None else int(seat["metadata"].get("n", 0))


def _last(command: Command) -> float:
    return command.attempts[-1].asked
