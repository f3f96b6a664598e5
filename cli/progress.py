"""Progress of the start: its steps on the terminal, drawn as they happen."""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

_WIDTH = 14
_UNDER_WAY = "…"


@dataclass
class Step:
    """One line: what is started, and what became of it."""

    title: str
    detail: str = ""
    mark: str = _UNDER_WAY
    took: float | None = None

    def __str__(self) -> str:
        took = "" if self.took is None else f"{self.took:5.1f} s"
        return f"  {self.mark} {self.title:<{_WIDTH}} {took:>7}  {self.detail}".rstrip()


class Progress:
    """Lines that turn into ticks on a terminal; elsewhere one plain line for each thing that happens."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._steps: list[Step] = []
        self._began = time.monotonic()

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show a step for as long as the block lasts, then how it ended and how long it took."""
        step = Step(title)
        self._steps.append(step)
        began = time.monotonic()
        self._show(step, new=True)
        try:
            yield step
        except BaseException:
            step.mark, step.detail = "✗", ""
            raise
        else:
            step.mark = "✓" if step.mark == _UNDER_WAY else step.mark
        finally:
            step.took = time.monotonic() - began
            self._show(step)

    def say(self, line: str = "") -> None:
        """A line of its own; the steps above it are done with."""
        self._steps.clear()
        self._write(f"{line}\n")

    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def _show(self, step: Step, new: bool = False) -> None:
        if not self._live or new:
            self._write(f"{step}\n")
        elif step in self._steps:
            # Up to its line, clear it (EL), write, and down again (ECMA-48).
            up = len(self._steps) - self._steps.index(step)
            self._write(f"\x1b[{up}A\r\x1b[2K{step}\x1b[{up}B\r")

    def _write(self, text: str) -> None:
        encoding = self._out.encoding or "utf-8"
        self._out.write(text.encode(encoding, "replace").decode(encoding))
        self._out.flush()
