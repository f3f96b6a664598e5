"""Directories of servers."""

import tempfile
from pathlib import Path

import pytest

from cli.machine.errors import CannotStart
from cli.machine.rundir import run_directory


@pytest.fixture(autouse=True)
def own_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_a_temporary_one_goes_with_its_contents(tmp_path: Path) -> None:
    with run_directory() as path:
        (path / "data").mkdir()
        (path / "data" / "file").write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_one_whose_owner_was_killed_is_removed_by_the_next_and_a_living_one_is_not(tmp_path: Path) -> None:
    orphan = tmp_path / "callplane-run-orphan"
    orphan.mkdir()
    (orphan / "owner.lock").touch()
    with run_directory() as first, run_directory():
        assert first.exists()
        assert not orphan.exists()


def test_a_kept_one_stays_and_has_one_owner(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with run_directory(kept) as path:
        (path / "data").touch()
        with pytest.raises(CannotStart, match="is used by another callplane"), run_directory(kept):
            pass
    with run_directory(kept) as path:
        assert (path / "data").exists()


def test_one_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart), run_directory(tmp_path / "file" / "below"):
        pass
