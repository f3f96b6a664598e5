"""Place of a reader: how far it has come in its session's log and in its seat's, as the token that acknowledges it."""

import re
from dataclasses import dataclass

_TOKEN = re.compile(r"(\d{1,12})\.(\d{1,12})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """Everything up to these two positions has been read; 0: nothing."""

    session: int = 0
    seat: int = 0

    def token(self) -> str:
        """How clients name it: opaque to them."""
        return f"{self.session}.{self.seat}"

    @staticmethod
    def parse(token: str | None) -> "Place | None":
        """The place that a token names; None for whatever is none of ours, which is ignored."""
        match = _TOKEN.fullmatch(token or "")
        return None if match is None else Place(int(match[1]), int(match[2]))
