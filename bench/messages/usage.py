"""Usage of processes: CPU seconds and memory of a child with all that it started, from /proc."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_SESSION, _USER, _SYSTEM = 3, 11, 12
"""Fields of /proc/PID/stat behind the command's name (proc(5)); each child of ours leads a session of its own."""


@dataclass(frozen=True)
class Usage:
    """Until now: seconds of CPU, and bytes that are in memory for it alone or its share of what is common."""

    cpu: float
    memory: int


def usage(sessions: Iterable[int], memory: bool = False) -> Usage:
    """Of the processes in these sessions; memory is read only when asked for, for it costs milliseconds."""
    wanted, cpu, size = set(sessions), 0.0, 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            if int(fields[_SESSION]) in wanted:
                cpu += (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS
                size += _proportional(process) if memory else 0
        except OSError:
            continue  # it has just ended
    return Usage(cpu, size)


def _proportional(process: Path) -> int:
    for line in (process / "smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
