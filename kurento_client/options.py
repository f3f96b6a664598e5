"""Options of a client: deadlines, keep-alive, back-off and bounds."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

Around = Callable[[str, Mapping[str, Any] | None], AbstractContextManager[None]]

Slot = Callable[[], AbstractAsyncContextManager[None]]


def _unobserved(_method: str, _params: Mapping[str, Any] | None) -> AbstractContextManager[None]:
    """Nothing around a call."""
    return nullcontext()


def _unbounded() -> AbstractAsyncContextManager[None]:
    """No bound on the calls under way."""
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of one client; all times are seconds.

    A dead server is noticed after at most `ping_interval` + `ping_timeout`: no pong within `ping_timeout` aborts
    the transport. Kurento does not read a connection while it executes one of its calls (protocol 1.3), so
    `ping_timeout` must exceed the slowest call that is made on this client.
    """

    call_timeout: float = 10.0
    """Deadline of a call that names none of its own."""
    open_timeout: float = 2.0
    """Deadline of opening a socket, and of each call of the greeting on it."""
    ping_interval: float = 1.0
    ping_timeout: float = 2.0
    close_timeout: float = 0.2
    """How long a closing handshake may last; websockets adds its own 10 s to a dead peer's otherwise."""
    backoff_first: float = 0.1
    """Pause after the first failed attempt; doubles up to `backoff_longest`, less up to a half of jitter."""
    backoff_longest: float = 5.0
    event_limit: int = 10_000
    """Events that may wait for their reader. One more aborts the transport: the owner hears `Lost`, then
    `Connected`, and reads the state again; nothing is lost in silence."""
    state_limit: int = 256
    """Connection states that may wait for their reader; beyond that the oldest go, the latest always stay."""
    around: Around = _unobserved
    """Entered around each call, from its sending to its answer, with its method and parameters: for who measures or
    traces. What the call raises passes through it."""
    slot: Slot = _unbounded
    """Entered before a call is sent and left with its answer: for who bounds how many are under way. Its waiting is not
    part of the call's deadline, and what it raises is raised by the call, of which nothing has been sent then."""
