"""Writes docs/settings.md from the settings classes: ``python docs/make_settings.py``."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from api.settings import Settings as ApiSettings
from callplane.program import shown_default
from hooks.settings import HooksSettings
from mediaserver.settings import build_parser
from wrapper.settings import WrapperSettings

PAGE = Path(__file__).parent / "settings.md"

HEAD = """\
# Settings

Made by `python docs/make_settings.py`; a test compares. Programs read environment variables, once, when they start. One
that is wrong is named in one sentence on standard error, a secret never shown, and the program ends with status 2.
`callplane up` sets them for its own parts; see `callplane up --help`.

"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    parts += section("python -m api", ApiSettings)
    parts += section("python -m wrapper", WrapperSettings)
    parts += section("python -m hooks", HooksSettings)
    parts += media_server(build_parser())
    return "".join(parts)


def section(program: str, settings: type[BaseSettings]) -> Iterator[str]:
    """One table, a row for each field."""
    prefix = settings.model_config["env_prefix"]
    yield f"## `{program}`\n\n| variable | default | what it is |\n|---|---|---|\n"
    for name, field in settings.model_fields.items():
        yield f"| `{prefix}{name.upper()}` | {default(field)} | {meaning(field)} |\n"
    yield "\n"


def default(field: FieldInfo) -> str:
    """What holds when the variable is not set, as one would write it."""
    value = shown_default(field)
    if value is None:
        return "**has to be set**"
    return value if value == "none" else f"`{value}`"


def meaning(field: FieldInfo) -> str:
    """The description with the bounds that are checked."""
    words = {Gt: "above", Ge: "at least", Le: "at most"}
    bounds = [
        f"{word} {getattr(rule, kind.__name__.lower())}"
        for rule in field.metadata
        for kind, word in words.items()
        if isinstance(rule, kind)
    ]
    if get_origin(field.annotation) is Literal:
        bounds.append("one of " + ", ".join(f"`{choice}`" for choice in get_args(field.annotation)))
    return "; ".join([field.description or "", *([", ".join(bounds)] if bounds else [])])


def media_server(parser: argparse.ArgumentParser) -> Iterator[str]:
    """The media server has a command line in place of variables."""
    yield "## `python -m mediaserver`\n\n| option | default | what it is |\n|---|---|---|\n"
    for action in parser._actions:
        if action.dest != "help":
            text = (action.help or "").replace(" (%(default)s)", "")
            value = "none" if action.default in (None, []) else f"`{action.default}`"
            yield f"| `{action.option_strings[-1]}` | {value} | {text} |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
