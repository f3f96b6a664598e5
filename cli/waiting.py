"""Progress line: says on the terminal what takes longer than a second, and goes when that is over."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

AFTER_SECONDS = 1.0


class Waiting:
    """What is waited for; ``say`` changes the words."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._began = time.monotonic()

    def say(self, what: str) -> None:
        """It is something else now, or has come further."""
        self._what = what

    def __str__(self) -> str:
        return f"{self._what}, {time.monotonic() - self._began:.0f} s"


@contextlib.contextmanager
def waiting(what: str) -> Iterator[Waiting]:
    """Show it for as long as the block lasts; nothing where standard error is no terminal, or all is over soon."""
    shown = Waiting(what)
    if not sys.stderr.isatty():
        yield shown
        return
    over = threading.Event()
    drawing = threading.Thread(target=_draw, args=(shown, over), daemon=True)
    drawing.start()
    try:
        yield shown
    finally:
        over.set()
        drawing.join()


def _draw(shown: Waiting, over: threading.Event) -> None:
    drawn = False
    while not over.wait(AFTER_SECONDS):
        sys.stderr.write(f"\r\x1b[2K{shown}")
        sys.stderr.flush()
        drawn = True
    if drawn:
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()
