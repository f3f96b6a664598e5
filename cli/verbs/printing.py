"""Printing of what a verb has found: a table or a list of facts for people, JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def print_json(value: Any) -> None:
    """One JSON value, as the API gave it."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(rows: Sequence[Mapping[str, Any]], *columns: str, nothing: str) -> None:
    """One line per row under the columns' names; ``nothing`` is said where there are no rows."""
    if not rows:
        print(nothing)
        return
    lines = [[column.replace("_", " ").upper() for column in columns]]
    lines += [[_text(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def print_facts(facts: Mapping[str, Any]) -> None:
    """One line per fact."""
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name.replace('_', ' '):<{width}}  {_text(value)}")


def _text(value: Any) -> str:
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case dict() | list():
            text = json.dumps(value, ensure_ascii=False)
        case _:
            text = str(value)
    return shown(text)


def shown(text: str) -> str:
    """Text that a terminal may be given."""
    # Names are the callers' own: an escape sequence in one must not reach the terminal.
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
