"""Run directories: go away with their owner, also when the owner was killed and could not tidy up."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from cli.machine.errors import CannotStart

_PREFIX = "callplane-run-"
_LOCK = "owner.lock"


@contextlib.contextmanager
def run_directory(kept: Path | None = None) -> Iterator[Path]:
    """A directory for the block: a temporary one, removed at its end, or ``kept``, which stays and is ours alone."""
    if kept is None:
        _remove_orphans()
    try:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX)) if kept is None else kept
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / _LOCK).open("w")
    except OSError as trouble:
        raise CannotStart(f"{trouble.filename} cannot be written: {trouble.strerror}") from trouble
    try:
        with lock:
            _own(lock, path)
            yield path
    finally:
        if kept is None:
            shutil.rmtree(path, ignore_errors=True)


def _own(lock: IO[str], path: Path) -> None:
    # The kernel drops a flock with the process that holds it, however that ended.
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotStart(f"{path} is used by another callplane that is running") from None


def _remove_orphans() -> None:
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            if path.stat().st_uid != os.getuid():
                continue
            with (path / _LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
        except OSError:
            continue
