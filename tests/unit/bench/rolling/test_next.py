"""N+1 is N with one field more, on everything that travels or lies in a document, and on nothing else."""

import json
import subprocess
import sys
from typing import Any

import pytest

from bench.rolling.next import WITH_ONE_UPDATE, WITH_SEVERAL, wider
from callplane.store.mongo.driver import Collection
from testkit.deploy.manifests import ROOT

IN_BULK = {"update_each", "update_in_order"}
"""Of attachments, presences, keys and webhooks, which N+1 writes as N does."""

SHOW = """
import json
from bench.rolling.next import widen_contracts, widen_documents
widen_contracts()
from datetime import UTC, datetime
from api.schemas.requests import JoinBody
from callplane.contracts.commands import Caller, Envelope, Join
from callplane.contracts.messages import Message
from callplane.contracts.replies import Reply
now = datetime.now(UTC)
widen_documents()
from callplane.store.log.appender import written
from callplane.store.log.records import Entry, LogKey, Record, read_record
entries = (Entry("m", "signal", b"{}"),)
record = written(LogKey("s", "s"), Record(1, entries, 1, 2), now)
envelope = Envelope(id="c", session_id="s", caller=Caller(kind="open"), deadline=now, body=Join())
old = json.loads(envelope.model_dump_json())
del old["added"]
print(json.dumps({
    "command": json.loads(envelope.model_dump_json()),
    "taken": ["added" in Envelope.model_validate(one).model_fields_set for one in (old, envelope.model_dump())],
    "message": json.loads(Message(id="m", type="signal", session_id="s", at=now, data={}).model_dump_json()),
    "reply": json.loads(Reply(command_id="c").model_dump_json()),
    "body": JoinBody().model_dump(),
    "record": record["added"],
    "entry": record["e"][0]["added"],
    "read": read_record(record).entries == entries,
}))
"""


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """What a process of N+1 writes."""
    run = subprocess.run([sys.executable, "-c", SHOW], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_commands_messages_and_replies_have_the_field(shown: dict[str, Any]) -> None:
    assert shown["command"]["added"] == shown["command"]["body"]["added"] == "N+1"
    assert shown["message"]["added"] == shown["reply"]["added"] == "N+1"


def test_what_http_callers_send_has_not(shown: dict[str, Any]) -> None:
    assert "added" not in shown["body"]


def test_records_of_logs_and_their_entries_have_it_and_are_read_as_without(shown: dict[str, Any]) -> None:
    assert (shown["record"], shown["entry"], shown["read"]) == ("N+1", "N+1", True)


def test_whether_a_command_came_with_it_can_be_told(shown: dict[str, Any]) -> None:
    assert shown["taken"] == [False, True]


def test_updates_of_documents_and_the_events_in_them_get_it() -> None:
    event = {"id": "e", "data": {"x": 1}}
    made = wider({"$set": {"a": 1}, "$push": {"outbox": event, "chores": {"$each": []}}})
    assert made["$set"] == {"a": 1, "added": "N+1"}
    assert made["$push"]["outbox"] == {"id": "e", "added": "N+1", "data": {"x": 1, "added": "N+1"}}
    assert made["$push"]["chores"] == {"$each": []}
    assert wider([{"$replaceWith": "$$ROOT"}])[-1] == {"$set": {"added": "N+1"}}


def test_every_update_of_a_collection_is_widened() -> None:
    writes = {name for name in vars(Collection) if "update" in name} - IN_BULK
    assert writes == {*WITH_ONE_UPDATE, *WITH_SEVERAL}
