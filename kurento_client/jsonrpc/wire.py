"""Text to JSON and back, as Kurento writes it: compact, keys sorted, non-ASCII escaped (protocol 1.2)."""

import json
import math
from typing import Any, NoReturn


def encode(message: Any) -> str:
    """Write one message; refuses NaN and infinities, which are no JSON."""
    return json.dumps(message, sort_keys=True, separators=(",", ":"), allow_nan=False)


def decode(text: str | bytes) -> Any:
    """Read one message; raises ValueError for whatever a strict parser would refuse.

    Python's reader alone lets NaN and 1e999 pass and ends deep nesting with RecursionError.
    """
    try:
        # A binary frame is UTF-8 (protocol 1.2); json.loads would guess UTF-16 from bytes.
        plain = text.decode("utf-8") if isinstance(text, bytes) else text
        return json.loads(plain, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError as deep:
        raise ValueError("nested too deeply") from deep


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("number out of range")
    return number
