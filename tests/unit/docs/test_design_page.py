"""The tables of docs/design.md say what the code says: delays, bounds, statuses, messages."""

import dataclasses
import re
from typing import get_args

from api.mailboxes.timing import Timing
from callplane.contracts import bounds
from callplane.contracts.errors import STATUS
from callplane.contracts.messages import MessageType
from testkit.deploy.manifests import ROOT

PAGE = (ROOT / "docs/design.md").read_text()


def section(number: str) -> str:
    """What stands below one heading."""
    (text,) = re.findall(rf"^### {re.escape(number)} .*?(?=^##)", PAGE, re.M | re.S)
    return str(text)


def rows(number: str) -> list[list[str]]:
    """The rows of a section's table, without its head."""
    lines = [line for line in section(number).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_delays_of_mailboxes() -> None:
    told = {name: float(value) for row in rows("4.1") for name, value in re.findall(r"`(\w+)` ([\d.]+) s", row[0])}
    assert told == dataclasses.asdict(Timing())


def test_bounds() -> None:
    told = {row[2].strip("`"): int(row[1].split()[0]) for row in rows("8.3")}
    assert told == {name: value for name, value in vars(bounds).items() if name.isupper() and isinstance(value, int)}


def test_statuses() -> None:
    assert {row[0].strip("`"): int(row[1]) for row in rows("8.4")} == STATUS


def test_messages() -> None:
    told = [name for row in rows("8.5") for name in re.findall(r"`([\w-]+)`", row[0])]
    assert sorted(told) == sorted(get_args(MessageType))
