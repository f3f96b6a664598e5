"""Grants: presets of the roles, what was changed of them, and which of them a stream needs."""

from collections.abc import Iterable

from callplane.contracts.shapes import GrantChanges, Grants, MediaKind, Role, Source

_OF_DEVICES: dict[MediaKind, Source] = {"video": "camera", "audio": "microphone"}
_OF_SCREENS: dict[MediaKind, Source] = {"video": "screen", "audio": "screen_audio"}
_SEEN_AND_HEARD: dict[Source, dict[MediaKind, Source]] = {
    "camera": _OF_DEVICES,
    "microphone": _OF_DEVICES,
    "screen": _OF_SCREENS,
    "screen_audio": _OF_SCREENS,
}
"""A stream has one source and up to two media: what is seen of it needs one grant, what is heard another."""

PRESETS: dict[Role, Grants] = {
    "subscriber": Grants(publish=[]),
    "publisher": Grants(),
    "moderator": Grants(moderate=True),
}


def granted(role: Role, changes: GrantChanges | None) -> Grants:
    """What a seat in this role may do, with what was changed for it."""
    named = {} if changes is None else changes.model_dump(exclude_none=True)
    return PRESETS[role].model_copy(update=named) if named else PRESETS[role]


def source_of(named: Source | None, media: Iterable[MediaKind] | None) -> Source:
    """The source of a stream; of one whose offer named none, by what is in it."""
    if named is not None:
        return named
    return "camera" if media is None or "video" in media else "microphone"


def needed(source: Source, media: Iterable[MediaKind] | None) -> list[Source]:
    """The grants that a stream of this source needs for these media (None: not known, and so for both)."""
    return [_SEEN_AND_HEARD[source][medium] for medium in ("video", "audio") if media is None or medium in media]
