"""Media reference: names an object on a media server, as documents hold it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MediaRef:
    """An object on a media server: ``server`` is the pool's name, ``id`` Kurento's own."""

    server: str
    id: str
