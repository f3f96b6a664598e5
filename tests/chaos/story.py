"""Made-up histories for tests of the checker."""

from typing import Any

from testkit.clients.history import Attempt, Command, Delivery, History, Reader
from tests.chaos.checker import check
from tests.chaos.verdict import Verdict

S = "session"


class Story:
    """A small history, told step by step; ``ann`` and ``bo`` sit in one session from the start."""

    def __init__(self) -> None:
        self.history = History()
        self.now = 0.0
        self.version = 1
        self.did("room", "create", {"custom": "room"}, {"id": S})
        for name in ("ann", "bo"):
            self.joins(name)

    def did(
        self, client: str, op: str, what: dict[str, Any], answer: dict[str, Any] | None = None, status: int = 200
    ) -> Command:
        """A command that was answered at its first request."""
        command = self.history.begin(client, op, S, **what)
        command.attempts = [Attempt(self.tick(), self.tick(), status)]
        command.outcome, command.answer = "ok" if status < 300 else "refused", answer or {}
        return command

    def unanswered(self, client: str, op: str, **what: Any) -> Command:
        """A command to which no answer came."""
        command = self.history.begin(client, op, S, **what)
        command.attempts = [Attempt(self.tick())]
        return command

    def joins(self, name: str) -> None:
        """A seat is taken and its mailbox read."""
        self.told_all("participant-joined", {"participant": seat(name)})
        answer = {"participant": seat(name), "session": {"version": self.version}}
        self.did(name, "join", {"key": f"join {name}"}, answer, 201)
        self.history.readers.append(Reader(name, S, f"join {name}", self.version, self.now, "closed", "", 1e6))

    def tick(self) -> float:
        """Time goes on."""
        self.now += 0.1
        return self.now

    def tell(self, reader: str, id_: str, type_: str, data: dict[str, Any], version: int | None = None) -> None:
        """One message to one reader."""
        message = {"id": id_, "type": type_, "session_id": S, "version": version, "data": data}
        self.history.deliveries.append(Delivery(reader, self.tick(), message))

    def told_all(self, type_: str, data: dict[str, Any]) -> None:
        """The next state event, to everybody who reads."""
        self.version += 1
        for reader in self.history.readers:
            self.tell(reader.participant, f"{S}:{self.version}", type_, data, self.version)

    def signals(self, sender: str, n: int, *readers: str, to: str | None = None) -> None:
        """An acknowledged signal that comes to these readers."""
        self.did(sender, "signal", {"n": n, "to": to}, status=202)
        for reader in readers:
            self.hears(reader, sender, n)

    def hears(self, reader: str, sender: str, n: int, id_: str | None = None) -> None:
        """A signal is delivered."""
        data = {"from": sender, "type": "chaos", "data": {"n": n}, "streams": []}
        self.tell(reader, id_ or f"signal {sender} {n}", "signal", data)

    def looks(self, *seats: dict[str, Any], **session: Any) -> None:
        """Somebody reads the state."""
        view = {"status": "open", "metadata": {}, "participants": list(seats), **session}
        self.did("ann", "look", {}, view)

    def verdict(self) -> Verdict:
        """What the checker says once the session has been closed."""
        self.did("room", "close", {}, status=204)
        self.told_all("session-closed", {"reason": "closed"})
        return check(self.history)


def seat(name: str, n: int = 0) -> dict[str, Any]:
    """A seat as everybody sees it."""
    return {"id": name, "metadata": {"join": f"join {name}", "n": n}, "streams": []}
