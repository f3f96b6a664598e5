"""Overload: how late a pod's event loop stands, and what is refused meanwhile: new connections, then signals.

Everything that a pod does waits for its event loop, so how late that is says what everybody waits beside their own
work, whatever it is that takes the time. One look that is late may be a pause of the process; only what was late at
every one of the last looks counts, and the first that is not ends it.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Literal

from callplane.contracts.refusals.requests import overloaded

LOOKS = 3
"""So many in a row, a quarter of a second and what they were late apart."""

Shed = Literal["connections", "volatile", "signals"]
"""What is refused: new connections, streams and sockets; volatile signals; other signals."""

TIMES: Mapping[Shed, float] = {"connections": 1.0, "volatile": 1.5, "signals": 2.0}
"""Of the setting: what costs most and can best go elsewhere is refused first, what was said last."""


class Overload:
    """Whether this pod has more to do than it can, by the seconds from which new connections are refused (0: never)."""

    def __init__(self, lag: float, shed: Callable[[Shed], None] = lambda _: None) -> None:
        self._bounds = {what: lag * times for what, times in TIMES.items()} if lag else {}
        self._lags = deque([0.0] * LOOKS, LOOKS)
        """How late the event loop was at the last looks."""
        self._shed = shed
        """Told of each that is refused."""

    @property
    def standing(self) -> float:
        """How late it was at least, at every one of the last looks."""
        return min(self._lags)

    def look(self, lag: float) -> None:
        """The event loop was so late just now."""
        self._lags.append(lag)

    def sheds(self, what: Shed) -> bool:
        """Whether one more of these is refused; asked once for each."""
        refused = what in self._bounds and self.standing >= self._bounds[what]
        if refused:
            self._shed(what)
        return refused

    def require_room(self, what: Shed) -> None:
        """Take one more of these. Raises Refusal ``unavailable``."""
        if self.sheds(what):
            raise overloaded()
