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


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger that names its part of the program."""
    log: structlog.stdlib.BoundLogger = structlog.get_logger(part=name)
    return log
