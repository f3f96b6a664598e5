"""The programs as the next version, N+1, would be: ``python -m bench.rolling.next api``.

Nothing of the product's code is changed. Everything that travels or lies in documents gets one field more, as a later
version may add one: every contract, reply and message, documents of sessions and connections, entries of their
outboxes, records of logs and their entries. N ignores it, and what N writes does not have it. The program's log says
which commands had it.
"""

import importlib
import json
import runpy
import sys
from collections.abc import Mapping
from typing import Any

import callplane.contracts.model as model
from callplane.telemetry.logs import logger

ADDED, VALUE = "added", "N+1"
SENT, TAKEN = "next sent", "next taken"


class Wire(model.Wire):
    """The base of every contract, with the added field; what N has sent gets its default."""

    added: str = VALUE


def widen_contracts() -> None:
    """Let contracts that are imported from now on have the field."""
    vars_of = sys.modules[model.__name__].__dict__
    vars_of["Wire"] = Wire


def widen_documents() -> None:
    """Write the field with every update of a session or a connection, and into the events that wait in it."""
    from callplane.store.mongo.driver import Collection

    records = importlib.import_module("callplane.store.log.records")
    records.__dict__["written"] = _wider_record(records.written)
    for name in WITH_ONE_UPDATE:
        setattr(Collection, name, _widening(getattr(Collection, name)))
    for name in WITH_SEVERAL:
        setattr(Collection, name, _widening_each(getattr(Collection, name)))


WIDENED = ("sessions", "connections")
WITH_ONE_UPDATE = ("find_one_and_update", "find_one_and_update_repeatable", "update_one", "update_many")
WITH_SEVERAL = ("update_repeatable",)
"""Writes of a collection, by how they are called."""


def _widening(write: Any) -> Any:
    async def widened(self: Any, where: Mapping[str, Any], update: Any, **options: Any) -> Any:
        if self.name in WIDENED:
            update = wider(update)
        return await write(self, where, update, **options)

    return widened


def _widening_each(write: Any) -> Any:
    async def widened(self: Any, *updates: tuple[Any, Any], **options: Any) -> Any:
        if self.name in WIDENED:
            updates = tuple((where, wider(update)) for where, update in updates)
        return await write(self, *updates, **options)

    return widened


def _wider_record(write: Any) -> Any:
    """What goes into a log, and as a hint to its readers: with the field, and so is each entry."""

    def written(*args: Any) -> dict[str, Any]:
        record: dict[str, Any] = write(*args)
        return {**record, ADDED: VALUE, "e": [{**entry, ADDED: VALUE} for entry in record["e"]]}

    return written


def wider(update: Any) -> Any:
    """An update that also writes the field."""
    if not isinstance(update, Mapping):
        return [*update, {"$set": {ADDED: VALUE}}]
    made = {**update, "$set": {**update.get("$set", {}), ADDED: VALUE}}
    pushed = update.get("$push", {})
    if "outbox" in pushed:
        entry = pushed["outbox"]
        made["$push"] = {**pushed, "outbox": {**entry, ADDED: VALUE, "data": {**entry["data"], ADDED: VALUE}}}
    return made


def watch_api() -> None:
    """Log of each command that leaves whether it has the field, by what is written."""
    from callplane.contracts.commands import Envelope

    write = Envelope.model_dump_json

    def written(self: Any, **options: Any) -> str:
        text = write(self, **options)
        found = json.loads(text)
        logger("next").info(SENT, command_id=self.id, added=ADDED in found and ADDED in found["body"])
        return text

    Envelope.model_dump_json = written  # type: ignore[method-assign]


def watch_wrapper() -> None:
    """Log of each command that is handled whether it came with the field."""
    from callplane.telemetry.commands import CommandWatch

    attempt = CommandWatch.attempt

    async def watched(self: Any, envelope: Any, number: int, work: Any) -> Any:
        logger("next").info(TAKEN, command_id=envelope.id, added=ADDED in envelope.model_fields_set)
        return await attempt(self, envelope, number, work)

    CommandWatch.attempt = watched  # type: ignore[method-assign]


def main() -> None:
    """Run the program that the command line names."""
    program = sys.argv.pop(1)
    widen_contracts()
    widen_documents()
    {"api": watch_api, "wrapper": watch_wrapper}[program]()
    runpy.run_module(program, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
