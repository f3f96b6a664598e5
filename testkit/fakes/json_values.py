"""JSON values that somebody on the way might take for something else: what is promised is that they come back equal."""

import random
from typing import Any

from hypothesis import strategies as st

NASTY_KEYS = ("$ref", "$id", "$db", "$set", "$", "a.b", ".", "", "__proto__", "_id", "json", "$json", "a\0b", "ключ")

_KEYS = st.sampled_from(NASTY_KEYS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=12
)
OBJECTS: st.SearchStrategy[dict[str, Any]] = st.dictionaries(_KEYS, VALUES, max_size=4)


def _nested(levels: int) -> Any:
    return {"$ref": "leaf", "$id": 2**64} if levels == 0 else {"deeper": [_nested(levels - 2)]}


EXAMPLES: tuple[dict[str, Any], ...] = (
    {"$ref": "a", "$id": "b"},
    {"n": {"$ref": "a", "$id": "b", "$db": "c", "more": 1}},
    {key: {key: [key]} for key in NASTY_KEYS},
    {"ints": [2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 10**40], "one": 10**100},
    {"floats": [0.1, -0.0, 1e308, 5e-324, 1.0, 2.0**70]},
    _nested(28),
    {f"{n:x}": n for n in range(500)},
    {},
)
"""Each of the kinds at least once, whatever is drawn."""


def drawn(seed: int) -> dict[str, Any]:
    """Another one, where hypothesis cannot draw: inside of a running loop."""
    chance = random.Random(seed)

    def value(depth: int) -> Any:
        kind = chance.randrange(8 if depth else 6)
        if kind == 6:
            return [value(depth - 1) for _ in range(chance.randrange(4))]
        if kind == 7:
            return {chance.choice(NASTY_KEYS): value(depth - 1) for _ in range(chance.randrange(4))}
        number = chance.getrandbits(chance.choice((8, 31, 63, 64, 200)))
        fraction = chance.random() * 10 ** chance.randrange(-9, 9)
        return (None, chance.random() < 0.5, number, -number, fraction, "ü\0$")[kind]

    return {key: value(4) for key in chance.sample(NASTY_KEYS, 3)}


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 is neither 1.0 nor true, and -0.0 is not 0.0; the order of keys is nobody's business."""
    return bool(_told(one) == _told(other))


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _told(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_told(item) for item in value]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    return ("float" if isinstance(value, float) else "int", repr(value))
