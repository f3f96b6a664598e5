"""A reference to an object on a media server, as documents hold it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MediaRef:
    """Which object on which media server: ``server`` is the pool's name, ``id`` Kurento's own."""

    server: str
    id: str
