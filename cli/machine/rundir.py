"""Directories of servers: they go away with their owner, also when the owner was killed and could not tidy up."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cli.machine.errors import CannotStart

_PREFIX = "callplane-run-"
_LOCK = "owner.lock"


@contextlib.contextmanager
def run_directory(kept: Path | None = None) -> Iterator[Path]:
    """A directory for the block: a temporary one, removed at its end, or ``kept``, which stays and is ours alone."""
    if kept is None:
        _remove_orphans()
    path = Path(tempfile.mkdtemp(prefix=_PREFIX)) if kept is None else kept
    try:
        path.mkdir(parents=True, exist_ok=True)
        with _owned(path):
            yield path
    except PermissionError as trouble:
        raise CannotStart(f"{trouble.filename}: {trouble.strerror}") from trouble
    finally:
        if kept is None:
            shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _owned(path: Path) -> Iterator[None]:
    # The kernel drops a flock with the process that holds it, however that ended.
    with (path / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"{path} is used by another callplane that is running") from None
        yield


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
