"""Verbs run in the test's own process, where API and wrapper may log as well."""

import sys

import pytest
import structlog


@pytest.fixture(autouse=True)
def logs_on_standard_error() -> None:
    """As in every program: on standard output a line of log would stand in the middle of what a verb prints."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.stderr))
