"""Judges a history offline: every acknowledged command has its effect, once, in order, and nothing else happened.

*Unknown* is a command without a 2xx and without an outcome: it may have had its effect or not. *Lost* is a 2xx or a
delivered outcome without its effect. *Reordered* is one sender's signals overtaking each other, or ``version`` going
back. A message that comes again under its own id is a repeat, which clients drop: it is counted, and is no fault.
"""

from collections import Counter
from collections.abc import Callable

from testkit.clients.history import Command, History
from tests.chaos.accounts import Account, accounts
from tests.chaos.effects import check_commands
from tests.chaos.odd import check_rubbish
from tests.chaos.streams import check_reader, check_signals
from tests.chaos.verdict import Verdict

# What may be refused, and with which words, in a workload that does nothing wrong: connections that ended with their
# media server or were stopped, and seats that left while somebody named them.
FINE = {
    ("publish", "wrong-state"),
    ("replace", "wrong-state"),
    ("replace", "not-found"),
    ("subscribe", "wrong-state"),
    ("subscribe", "not-found"),
    ("signal", "not-found"),
}


def check(history: History) -> Verdict:
    """The verdict on one run."""
    verdict = Verdict(deliveries=len(history.deliveries))
    for sentence in history.strange:
        verdict.say("broken", sentence)
    _count(history, verdict)
    _creations(history, verdict)
    check_rubbish(history.commands, verdict)
    for account in accounts(history).values():
        _session(account, verdict)
    return verdict


def _session(account: Account, verdict: Verdict) -> None:
    steps: list[Callable[[Account, Verdict], None]] = [_readers, check_signals, check_commands, _agreement]
    for step in steps:
        step(account, verdict)


def _count(history: History, verdict: Verdict) -> None:
    for command in history.commands:
        verdict.attempted += 1
        verdict.acknowledged += any(a.status is not None and 200 <= a.status < 300 for a in command.attempts)
        setattr(verdict, command.outcome, getattr(verdict, command.outcome) + 1)
        verdict.by_op.setdefault(command.op, Counter())[command.outcome] += 1
        if command.outcome == "refused" and not (_may_be_refused(command) or _is_buried(command, history)):
            verdict.say("broken", f"{command.op} {command.n} of {command.client} was refused: {command.code}")
        for attempt in command.attempts:
            if attempt.status is not None and attempt.status >= 500 and attempt.status != 503:
                verdict.say("broken", f"{command.op} {command.n} of {command.client} got {attempt.status}")


def _may_be_refused(command: Command) -> bool:
    return (command.op, command.code) in FINE or bool(command.what.get("may"))


def _is_buried(command: Command, history: History) -> bool:
    """Whether a request of a close that nobody answered lies so far back that the tombstone may be gone too."""
    if (command.op, command.code) != ("close", "not-found"):
        return False
    *earlier, last = command.attempts
    heard = last.asked if last.answered is None else last.answered
    return any(attempt.is_doubtful and heard - attempt.asked > history.tombstone_seconds for attempt in earlier)


def _creations(history: History, verdict: Verdict) -> None:
    """One custom id is one open session."""
    made: dict[str, set[str]] = {}
    for command in history.commands:
        if command.op == "create" and command.outcome == "ok":
            made.setdefault(command.what["custom"], set()).add(command.answer["id"])
    for custom, ids in made.items():
        if len(ids) > 1:
            verdict.say("duplicated", f"custom id {custom} made the sessions {sorted(ids)}")


def _readers(account: Account, verdict: Verdict) -> None:
    for reader in account.readers:
        verdict.repeats += check_reader(account, reader, verdict)


def _agreement(account: Account, verdict: Verdict) -> None:
    """Everybody hears the same thing under the same version."""
    for version, told in account.versions.items():
        subjects = {(message["type"], _subject(message)) for message in told}
        if len(subjects) > 1:
            verdict.say("duplicated", f"{account.session} version {version} is told as {sorted(subjects)}")


def _subject(message: dict[str, dict[str, object]]) -> str:
    data = message["data"]
    participant = data.get("participant")
    named = participant["id"] if isinstance(participant, dict) else data.get("participant_id")
    return f"{named} {data.get('connection_id')} {data.get('epoch')}"
