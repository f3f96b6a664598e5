"""However a test ends, it costs one test: those after it run on the same loop, with the same fixtures."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

CONFTEST = """
import asyncio
import pytest
from testkit import isolation

def pytest_configure(config):
    config.pluginmanager.register(isolation)

@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"

@pytest.fixture(scope="session")
async def shared():
    yield "shared"

@pytest.fixture
async def cancelled():
    yield "cancelled"
    raise asyncio.CancelledError

@pytest.fixture
async def never_made():
    raise asyncio.CancelledError

@pytest.fixture
async def broken():
    yield "broken"
    raise RuntimeError
"""

TESTS = """
import asyncio
import pytest
from callplane.telemetry.logs import add_log_context, log_names

async def test_before(shared):
    assert shared == "shared"

async def test_cancelled(shared):
    raise asyncio.CancelledError

async def test_cancelled_from_outside(shared):
    asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
    await asyncio.Event().wait()

async def test_failed_in_a_group(shared):
    async with asyncio.TaskGroup() as group:
        group.create_task(failing())

async def failing():
    pytest.fail("in a task")

async def test_failed_with_a_teardown_that_fails(shared, broken):
    assert False

async def test_failed_with_a_teardown_that_is_cancelled(shared, cancelled):
    assert False

async def test_without_what_it_needs(shared, never_made):
    pass

async def test_with_names_in_its_logs(shared):
    add_log_context(session_id="one")

async def test_after(shared):
    assert log_names() == {}
    assert not asyncio.current_task().cancelling()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(0))
    assert shared == "shared"
"""

FAILING = [
    "FAILED test_ends.py::test_cancelled",
    "FAILED test_ends.py::test_cancelled_from_outside",
    "FAILED test_ends.py::test_failed_in_a_group",
    "FAILED test_ends.py::test_failed_with_a_teardown_that_fails",
    "FAILED test_ends.py::test_failed_with_a_teardown_that_is_cancelled",
    "ERROR test_ends.py::test_failed_with_a_teardown_that_fails",
    "ERROR test_ends.py::test_failed_with_a_teardown_that_is_cancelled",
    "ERROR test_ends.py::test_without_what_it_needs",
]


def test_a_test_that_ends_otherwise_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_ends.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nanyio_mode = auto\n")
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "-p", "no:schemathesis", "."]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    said = [line.partition(" - ")[0] for line in run.stdout.splitlines()]
    assert [line for line in said if line.startswith("PASSED")] == [
        "PASSED test_ends.py::test_before",
        "PASSED test_ends.py::test_with_names_in_its_logs",
        "PASSED test_ends.py::test_after",
    ], run.stdout
    assert sorted(line for line in said if line.startswith(("FAILED", "ERROR"))) == sorted(FAILING)
    assert "ClosedResourceError" not in run.stdout
