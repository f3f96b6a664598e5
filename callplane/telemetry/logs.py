"""Structured logs: one JSON line per event on standard error; secrets, tokens and SDP never go in."""

import json
import logging
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import structlog

from callplane.telemetry.failures import frames

_SECRET_NAMES = frozenset({"token", "secret", "password", "ticket", "authorization", "key", "sdp", "sdp_offer"})

# What may stand inside a text that is not ours, as an exception's: credentials in URLs and headers, and SDP.
_SECRET_TEXT = re.compile(
    r"(?P<key>(?:\b|_)(?:ticket|token|secret|password|x-api-key)['\"]?\s*[=:]\s*['\"]?)[^\s&'\",}]+"
    r"|(?P<bearer>\bBearer\s+)[A-Za-z0-9._~+/=-]+"
    r"|(?P<user>://[^\s:/@]+:)[^\s/@]+(?=@)"
    r"|(?P<sdp>\bv=0)(?:\\r|\\n|[\r\n]).*",
    re.I | re.S,
)

_NAMES: ContextVar[Mapping[str, str]] = ContextVar("callplane_log_names", default=MappingProxyType({}))
"""What the lines of the present block bear. One for all names: structlog has one for each, and copies the whole context
to find them.
"""

_MAY_HOLD_ONE = re.compile(r"[=:\s]")
"""What each of these has in it: most values are ids and words, and need no closer look."""


def configure_logs(level: str = "info") -> None:
    """Write JSON lines to standard error from ``level`` on; called once by each program's ``__main__``."""
    structlog.configure(
        processors=[
            named,
            structlog.processors.add_log_level,
            _told,
            masked,
            structlog.processors.TimeStamper(fmt="iso", utc=True),  # has the colons that make a text be looked through
            structlog.processors.JSONRenderer(_Lean()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    _adopt_libraries()


class _Lean:
    """JSON text of a line. The standard library's ``dumps`` makes an encoder for each, a third of what that costs."""

    def __init__(self) -> None:
        self._encoder: json.JSONEncoder | None = None

    def __call__(self, line: Any, *, default: Callable[[Any], Any]) -> str:
        """``default``: what stands for a value that JSON has not."""
        if self._encoder is None:
            self._encoder = json.JSONEncoder(default=default)
        return self._encoder.encode(line)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger that names its part of the program."""
    log: structlog.stdlib.BoundLogger = structlog.get_logger(part=name)
    return log


# A class: a generator as a context manager costs three times as much (measured), and it is around everything.
class log_context:
    """Every line that is written inside carries these names; what ``add_log_context`` adds inside ends with it."""

    __slots__ = ("_before", "_names")

    def __init__(self, **names: str | None) -> None:
        self._names = names

    def __enter__(self) -> None:
        """Add them."""
        self._before = _NAMES.get()
        add_log_context(**self._names)

    def __exit__(self, *_raised: object) -> None:
        """As it was."""
        _NAMES.set(self._before)


def add_log_context(**names: str | None) -> None:
    """Add names that have become known to the lines of the present block; None adds nothing."""
    _NAMES.set({**_NAMES.get(), **{name: value for name, value in names.items() if value is not None}})


def log_value(name: str) -> str | None:
    """The value of one name in the log context of the present block."""
    return _NAMES.get().get(name)


def log_names() -> Mapping[str, str]:
    """All names in the log context of the present block."""
    return _NAMES.get()


def named(_log: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the names of the present block, where the line has none of its own."""
    for name, value in _NAMES.get().items():
        line.setdefault(name, value)
    return line


def masked(_log: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take out what must not be in a log, whoever put it there: the last look before a line is written."""
    for name, value in line.items():
        if name in _SECRET_NAMES:
            line[name] = "***"
        elif isinstance(value, str) and _MAY_HOLD_ONE.search(value):
            line[name] = _SECRET_TEXT.sub(_mask, value)
    return line


def _told(_log: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception as its types and frames, whoever logs it: its text may quote what a user sent."""
    given = line.pop("exc_info", None)
    if isinstance(given, tuple):
        given = given[1]
    failure = given if isinstance(given, BaseException) else sys.exc_info()[1] if given else None
    if failure is not None:
        line["exception"] = frames(failure)
    return line


def _mask(found: re.Match[str]) -> str:
    return f"{found[found.lastgroup or 0]}***"


def _adopt_libraries() -> None:
    """Turn what libraries say into lines of ours; of connections and consumers our bus tells by itself."""
    logging.basicConfig(level=logging.WARNING, handlers=[_Lines()], force=True)
    for library in ("aio_pika", "aiormq"):
        logging.getLogger(library).setLevel(logging.CRITICAL)


class _Lines(logging.Handler):
    """Hands records of the standard library's loggers to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record as one JSON line."""
        logger(record.name).log(record.levelno, record.getMessage(), exc_info=record.exc_info)
