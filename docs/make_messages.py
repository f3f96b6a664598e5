"""Writes docs/messages.md from the classes of messages: ``python docs/make_messages.py``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from callplane.contracts.message_data import DATA
from callplane.contracts.messages import Message

PAGE = Path(__file__).parent / "messages.md"

HEAD = """\
# Messages

Made by `python docs/make_messages.py`; a test compares. What a participant reads at `/v1/messages`,
`/v1/messages/stream` and `/v1/messages/socket`. `/openapi.json` has the same as the schema `Message`, told apart by
`type`.

Ask `GET /v1/messages?wait=25` with the participant token, deal with what comes in its order, and ask again with `ack`
as the answer gave it: only then is it forgotten. What was not acknowledged comes again, with the same `id`: drop what
you have seen. The session that the join answered with is the state as of its `version`; messages with a higher one
change it. Later versions have more types and fields: pass over those that you do not know.

"""


def page() -> str:
    """The whole page."""
    classes = [Message, *dict.fromkeys(DATA.values())]
    _, made = models_json_schema([(one, "serialization") for one in classes], ref_template="{model}")
    shapes = made["$defs"]
    told = [HEAD, "## Every message\n\n", *table(shapes["Message"])]
    for data in dict.fromkeys(DATA.values()):
        types = ", ".join(f"`{type_}`" for type_, one in DATA.items() if one is data)
        told += [f"## {types}\n\n", f"{sentence(shapes[data.__name__])}\n\n", *table(shapes[data.__name__])]
    told.append("# What is in them\n\n")
    for name in sorted(set(shapes) - {one.__name__ for one in classes}):
        told += [f"## {name}\n\n", f"{sentence(shapes[name])}\n\n", *table(shapes[name])]
    return "".join(told).rstrip() + "\n"


def table(shape: dict[str, Any]) -> Iterator[str]:
    """A row for each field."""
    fields = shape.get("properties", {})
    if not fields:
        yield "No data.\n\n"
        return
    yield "| field | type | what it is |\n|---|---|---|\n"
    for name, field in fields.items():
        yield f"| `{name}` | {kind(field)} | {field.get('description', '')} |\n"
    yield "\n"


def kind(field: dict[str, Any]) -> str:
    """A field's type in words."""
    if "$ref" in field:
        return f"[{field['$ref']}](#{field['$ref'].lower()})"
    if "anyOf" in field:
        kinds = [kind(one) for one in field["anyOf"]]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in field or "const" in field:
        return ", ".join(f"`{choice}`" for choice in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        return f"list of {kind(field['items'])}"
    return str(field.get("format") or field.get("type") or "any JSON")


def sentence(shape: dict[str, Any]) -> str:
    """What a class says of itself, on one line."""
    return " ".join(shape.get("description", "").replace("``", "`").split())


if __name__ == "__main__":
    PAGE.write_text(page())
