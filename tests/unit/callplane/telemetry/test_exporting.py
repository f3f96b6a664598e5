"""Without an endpoint nothing is loaded or sent; with one nothing that it does keeps the program."""

import subprocess
import sys
import time

import pytest
from pydantic import ValidationError

from callplane.telemetry.exporting import exported
from callplane.telemetry.traces import span, traceparent
from wrapper.settings import WrapperSettings


async def test_without_an_endpoint_only_ids_travel() -> None:
    async with exported("", "tests") as traces:
        with traces.taken_up(None), span("x") as made:
            assert made is None
            assert traceparent() is not None


def test_the_sdk_is_loaded_for_those_who_trace() -> None:
    code = "import sys, wrapper.app; sys.exit(any(name.startswith('opentelemetry.sdk') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


async def test_a_collector_that_is_away_holds_up_no_end() -> None:
    began = time.monotonic()
    async with exported("http://127.0.0.1:9", "tests") as traces:
        with traces.taken_up(None), span("x") as made:
            assert made is not None
    assert time.monotonic() - began < 4


async def test_a_share_of_none_records_nothing_and_marks_so() -> None:
    async with exported("http://127.0.0.1:9", "tests", share=0) as traces:
        with traces.taken_up(None), span("x"):
            assert int(str(traceparent())[-2:], 16) & 1 == 0  # the bit that says "recorded"


@pytest.mark.parametrize("wrong", ["collector:4318", "grpc://collector:4317", "http://", "http://a b"])
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        WrapperSettings(otlp_endpoint=wrong)
