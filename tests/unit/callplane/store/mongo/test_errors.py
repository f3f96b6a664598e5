"""Which of PyMongo's errors say that the database is away, and which are mistakes of ours."""

import bson
import pytest
from bson.raw_bson import RawBSONDocument
from pymongo.errors import (
    AutoReconnect,
    CursorNotFound,
    DocumentTooLarge,
    DuplicateKeyError,
    OperationFailure,
    WriteConcernError,
    WriteError,
    WTimeoutError,
)
from pymongo.helpers_shared import _check_command_response

from callplane.contracts.errors import Refusal, Unavailable
from callplane.store.mongo.errors import ServerAnswer, translated_errors

SHUTDOWN_IN_PROGRESS = 91
BAD_VALUE = 2


@pytest.mark.parametrize(
    "failure",
    [
        AutoReconnect("gone"),
        CursorNotFound("cursor id 7 not found", 43),
        WriteConcernError("Replication is being shut down", SHUTDOWN_IN_PROGRESS),
        WTimeoutError("waiting for replication timed out", 64),
        OperationFailure("Read concern majority reads are currently not possible.", 134),
    ],
)
async def test_a_server_that_stops_starts_or_does_not_answer_is_away(failure: Exception) -> None:
    with pytest.raises(Unavailable), translated_errors():
        raise failure


@pytest.mark.parametrize(
    "failure",
    [DuplicateKeyError("double", 11000), AttributeError("'None' has no 'seat'")],
)
async def test_mistakes_stay_what_they_are(failure: Exception) -> None:
    with pytest.raises(type(failure)), translated_errors():
        raise failure


@pytest.mark.parametrize("code", [11601, 24, 112, 133, 365, 462, BAD_VALUE])
async def test_whatever_else_a_server_says_is_trouble_and_its_text_is_not_told(code: int) -> None:
    failure = OperationFailure("quotes a document", code, {"codeName": "Named", "errmsg": "quotes a document"})
    with pytest.raises(ServerAnswer) as raised, translated_errors():
        raise failure
    assert (str(raised.value), raised.value.code) == (f"the database said {code} (Named)", code)


@pytest.mark.parametrize(
    "failure",
    [OperationFailure("x", code) for code in (10334, 17419, 17420)] + [DocumentTooLarge("x"), WriteError("x", 17419)],
)
async def test_what_no_document_can_hold_is_refused(failure: Exception) -> None:
    with pytest.raises(Refusal) as raised, translated_errors():
        raise failure
    assert raised.value.problem.code == "too-large"


async def test_an_unmet_write_concern_of_find_and_modify_is_away() -> None:
    """PyMongo cannot read its own raw answer then, and says AttributeError."""
    answer = {
        "ok": 1.0,
        "value": {"_id": 1},
        "writeConcernError": {"code": SHUTDOWN_IN_PROGRESS, "errmsg": "Replication is being shut down"},
        "errorLabels": ["RetryableWriteError"],
    }
    raw = RawBSONDocument(bson.encode(answer))
    with pytest.raises(Unavailable), translated_errors():
        _check_command_response(raw, None, parse_write_concern_error=True)
