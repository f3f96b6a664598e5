"""Structured logs: one JSON line per event on standard error; secrets, tokens and SDP never go in."""

import logging
import sys

import structlog


def configure_logs(level: str = "info") -> None:
    """Write JSON lines to standard error from ``level`` on; called once by each program's ``__main__``."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    _adopt_libraries()


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


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger that names its part of the program."""
    log: structlog.stdlib.BoundLogger = structlog.get_logger(part=name)
    return log
