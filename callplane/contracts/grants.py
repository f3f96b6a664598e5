"""Grants: presets of the roles, what was changed of them, and which of them a stream needs."""

from collections.abc import Iterable, Mapping
from typing import Any

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
    named = _said(changes)
    return PRESETS[role].model_copy(update=named) if named else PRESETS[role]


HIDDEN = GrantChanges(publish=[], signal=False, chat=False, moderate=False, hidden=True)
"""A seat that nobody is to know of says nothing: whatever it sent would have to be from somebody."""


def telling(said: GrantChanges) -> list[str]:
    """The grants that a hidden seat cannot have, of which these name something."""
    return [name for name in ("publish", "signal", "chat", "moderate") if getattr(said, name)]


def limited(role: Role, *most: GrantChanges | Grants | None) -> dict[str, Any]:
    """What a change to this role gives otherwise than its preset: no more of a grant than each of these says of it."""
    preset = PRESETS[role].model_dump()
    least = dict(preset)
    for one in most:
        least |= {grant: _both(least[grant], given) for grant, given in _said(one).items()}
    return {grant: given for grant, given in least.items() if given != preset[grant]}


def changed(role: Role, grants: GrantChanges | None, changes: Mapping[str, Any]) -> Grants:
    """What a seat with this role and these grants may do after these changes: a role is its preset anew."""
    before = {} if "role" in changes else _said(grants)
    return granted(changes.get("role", role), GrantChanges(**{**before, **changes.get("grants", {})}))


def beyond(changes: Mapping[str, Any], named: GrantChanges | Grants | None) -> list[str]:
    """The grants of which these changes give more than is named of them: by the join, or by what a giver has."""
    most = _said(named)
    return [grant for grant, given in changes.items() if grant in most and _both(given, most[grant]) != given]


def _said(changes: GrantChanges | Grants | None) -> dict[str, Any]:
    return {} if changes is None else changes.model_dump(exclude_none=True)


def _both(given: Any, most: Any) -> Any:
    """What is in both: of sources those, of the others whether."""
    return [source for source in given if source in most] if isinstance(given, list) else given and most


def source_of(named: Source | None, media: Iterable[MediaKind] | None) -> Source:
    """The source of a stream; of one whose offer named none, by what is in it."""
    if named is not None:
        return named
    return "camera" if media is None or "video" in media else "microphone"


def needed(source: Source, media: Iterable[MediaKind] | None) -> list[Source]:
    """The grants that a stream of this source needs for these media (None: not known, and so for both)."""
    return [_SEEN_AND_HEARD[source][medium] for medium in ("video", "audio") if media is None or medium in media]
