"""Writes callplane_client/blocking from callplane_client/aio: ``python docs/make_blocking_client.py``."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
AIO, BLOCKING = ROOT / "callplane_client/aio", ROOT / "callplane_client/blocking"
BY_HAND = {"__init__.py", "socket.py"}

WORDS = {
    r"\basync (def|with|for)\b": r"\1",
    r"\bawait ": "",
    r"\bAsyncBaseTransport\b": "BaseTransport",
    r"\bAsync(Iterator|ExitStack)\b": r"\1",
    r"\bStopAsyncIteration\b": "StopIteration",
    r"\bhttpx\.AsyncClient\b": "httpx.Client",
    r"\bAwaitable\[(\w+)\]": r"\1",
    r"\basynccontextmanager\b": "contextmanager",
    r"\benter_async_context\b": "enter_context",
    r"\bAsync([A-Z]\w*)": r"\1",
    r"\b__a(iter|next|enter|exit)__": r"__\1__",
    r"\ba(close|read|iter_lines|iter_bytes)\b": r"\1",
    r"\basyncio\.sleep\b": "sleep",
    r"\bcallplane_client\.aio\b": "callplane_client.blocking",
    r"Client on asyncio": "Client without asyncio",
}
"""What is written otherwise; in this order."""


def made(name: str) -> str:
    """The blocking module of this name."""
    text = (AIO / name).read_text()
    for pattern, word in WORDS.items():
        text = re.sub(pattern, word, text)
    text = re.sub(r"^import asyncio\n", "", text, flags=re.M)
    text = re.sub(r"^from time import monotonic$", _times(text), text, flags=re.M)
    text = re.sub(r"^from collections\.abc import (.*)$", _once, text, flags=re.M)
    text = re.sub(r"^from contextlib import (.*)$", _once, text, flags=re.M)
    first, _, rest = text.partition("\n")
    return _formatted(f"{first}\n\n# Made of callplane_client/aio/{name} by docs/make_blocking_client.py.\n{rest}")


def names() -> list[str]:
    """The modules that are made."""
    return sorted(path.name for path in AIO.glob("*.py") if path.name not in BY_HAND)


def _times(text: str) -> str:
    return "from time import monotonic, sleep" if re.search(r"\bsleep\(", text) else "from time import monotonic"


def _once(line: re.Match[str]) -> str:
    """The names of an import, each once and without what nobody awaits any more."""
    said = sorted({name.strip() for name in line[1].split(",")} - {"Awaitable"})
    return f"{line[0].partition(' import ')[0]} import {', '.join(said)}"


def _formatted(text: str) -> str:
    ruff = [sys.executable, "-m", "ruff"]
    for arguments in (["check", "--quiet", "--fix", "--select", "I", "-"], ["format", "--quiet", "-"]):
        run = subprocess.run(
            [*ruff, *arguments], cwd=ROOT, input=text, capture_output=True, text=True, check=True, timeout=30
        )
        text = run.stdout
    return text


if __name__ == "__main__":
    for each in names():
        (BLOCKING / each).write_text(made(each))
