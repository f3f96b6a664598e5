"""Relay: hands what enters one element out of others, in the server itself, through hubs and junctions."""

from collections.abc import Callable

from mediaserver.media.flow import Inlet, Outlet
from mediaserver.media.packet import Packet


class Relay:
    """One inlet's consumer: every packet leaves by the outlets that it feeds, as it came."""

    def __init__(self, inlet: Inlet) -> None:
        self._inlet = inlet
        self._outlets: list[Outlet] = []
        self._passing = False
        inlet.consumer = self

    def push(self, packet: Packet, now: float) -> bool:
        """Pass a packet on; each outlet asks for its own key frames."""
        for outlet in self._outlets:
            outlet.forward(packet, now)
        return True

    def interrupted(self) -> None:
        """Tell everybody behind the outlets; once, if elements are connected in a circle."""

        def tell() -> None:
            for outlet in self._outlets:
                outlet.interrupted()

        self._once(tell)

    def feed(self, outlet: Outlet) -> None:
        """Let an outlet have it as well, and hear what it asks for."""
        self._outlets.append(outlet)
        outlet.ask = self.request_key_frame

    def leave(self, outlet: Outlet) -> None:
        """Feed an outlet no more."""
        if outlet in self._outlets:
            self._outlets.remove(outlet)
            outlet.ask = None
            outlet.interrupted()

    def request_key_frame(self, now: float) -> None:
        """Ask upstream; once, if elements are connected in a circle."""
        self._once(lambda: self._inlet.request_key_frame(now))

    def _once(self, call: Callable[[], object]) -> None:
        if not self._passing:
            self._passing = True
            try:
                call()
            finally:
                self._passing = False
