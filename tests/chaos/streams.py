"""Whether what each reader was told is whole and in order: versions without gaps, signals as they were sent."""

from collections import defaultdict

from testkit.clients.history import Command, Delivery, Reader
from tests.chaos.accounts import Account
from tests.chaos.verdict import Verdict

CARRIED = 5.0
"""Seconds from the making of an event to its publication, where its carrier stood still or another had to take over."""


def check_reader(account: Account, reader: Reader, verdict: Verdict) -> int:
    """Follow the versions as a client does; how many repeats came."""
    fresh = account.first(reader)
    last, before = reader.version, reader.began
    for delivery in fresh:
        version = delivery.message["version"]
        if version is None or version <= reader.version:
            continue
        if version < last:
            verdict.say("reordered", f"{reader.participant} was told version {version} after {last}")
        elif version > last + 1 and not account.away(reader.participant, before, account.made(delivery) + CARRIED):
            missing = f"{last + 1}" if version == last + 2 else f"{last + 1} to {version - 1}"
            verdict.say("lost", f"{reader.participant} was never told version {missing}")
        last, before = max(last, version), account.made(delivery)
    resyncs = [delivery for delivery in fresh if delivery.message["type"] == "resync-required"]
    if any(not account.away(reader.participant, reader.began, delivery.at) for delivery in resyncs):
        verdict.say("lost", f"{reader.participant} was told to read the state again")
    _ending(account, reader, verdict)
    return len(account.deliveries.get(reader.participant, [])) - len(fresh)


def _ending(account: Account, reader: Reader, verdict: Verdict) -> None:
    """A seat ends when its client says so, or with its session."""
    close_asked = min((command.asked for command in account.of("close")), default=float("inf"))
    if reader.ended not in ("closed", "left", "unfinished") and reader.finished < close_asked:
        verdict.say("lost", f"seat {reader.participant} ended by itself: {reader.ended} {reader.reason}")
    left = {event["data"]["participant_id"] for event in account.events("participant-left")}
    leavers = {command.what["participant"] for command in account.of("leave")}
    if reader.participant in left - leavers:
        verdict.say("lost", f"seat {reader.participant} was taken away from a client that polled")


def check_signals(account: Account, verdict: Verdict) -> None:
    """Every acknowledged signal reaches whom it was for, once, behind those that its sender had sent before."""
    sent = {(command.client, command.what["n"]): command for command in account.of("signal")}
    for reader in account.readers:
        got = [delivery for delivery in account.first(reader) if delivery.message["type"] == "signal"]
        _copies(sent, reader, got, verdict)
        _order(sent, reader, got, verdict)
        heard = {_name(delivery) for delivery in got}
        for name, command in sent.items():
            mine = command.what["to"] in (None, reader.participant)
            sat = reader.began < command.asked and reader.ended == "closed"
            gone = account.away(reader.participant, command.asked, command.answered)
            if command.outcome == "ok" and mine and sat and not gone and name not in heard:
                verdict.say("lost", f"signal {name[1]} of {name[0]} never came to {reader.participant}")


def _copies(sent: dict[tuple[str, int], Command], reader: Reader, got: list[Delivery], verdict: Verdict) -> None:
    seen: dict[tuple[str, int], int] = defaultdict(int)
    for delivery in got:
        name = _name(delivery)
        seen[name] += 1
        command = sent.get(name)
        if command is None or command.what["to"] not in (None, reader.participant):
            verdict.say("phantom", f"{reader.participant} got signal {name[1]} of {name[0]}, which was not for it")
        elif seen[name] > 1:
            verdict.say("duplicated", f"signal {name[1]} of {name[0]} came to {reader.participant} under two ids")


def _order(sent: dict[tuple[str, int], Command], reader: Reader, got: list[Delivery], verdict: Verdict) -> None:
    """A sender waits for each 2xx before it sends on; what nobody acknowledged may come at any time."""
    last: dict[str, int] = {}
    for delivery in got:
        sender, n = _name(delivery)
        command = sent.get((sender, n))
        if command is None or command.outcome != "ok":
            continue
        if n < last.get(sender, 0):
            verdict.say("reordered", f"{reader.participant} got signal {n} of {sender} after {last[sender]}")
        last[sender] = max(n, last.get(sender, 0))


def _name(delivery: Delivery) -> tuple[str, int]:
    data = delivery.message["data"]
    return data["from"], data["data"]["n"]
