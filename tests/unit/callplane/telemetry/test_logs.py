"""Lines carry the names of what they are about, and no secrets."""

import json
import logging

import pytest
import structlog

from callplane.telemetry.logs import add_log_context, configure_logs, log_context, log_value, logger, masked


@pytest.fixture(autouse=True)
def restored() -> object:
    """Leave logging as it was: ``configure_logs`` is the programs' business."""
    root, level = logging.getLogger(), logging.getLogger().level
    handlers = root.handlers[:]
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """The lines so far."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_json_and_names_its_part(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    logger("api").info("request", status=200)
    logger("api").debug("not shown")
    (line,) = written(capsys)
    assert {"event": "request", "status": 200, "part": "api", "level": "info"}.items() <= line.items()
    assert str(line["timestamp"]).endswith("Z")


def test_lines_inside_carry_the_names_and_lines_behind_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    with log_context(request_id="r", trace_id=None):
        logger("a").info("one")
        add_log_context(session_id="s")
        with log_context(command_id="c"):
            logger("b").info("two")
        logger("a").info("three")
    logger("a").info("four")
    about = [{key for key in line if key.endswith("_id")} for line in written(capsys)]
    assert about == [{"request_id"}, {"request_id", "session_id", "command_id"}, {"request_id", "session_id"}, set()]


def test_what_libraries_say_carries_them_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    with log_context(request_id="r"):
        logging.getLogger("some.library").warning("odd: %s", "frame")
    (line,) = written(capsys)
    assert (line["event"], line["request_id"], line["part"]) == ("odd: frame", "r", "some.library")


def test_known_tells_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert log_value("request_id") is None
    with log_context(request_id="r"):
        assert log_value("request_id") == "r"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /messages/stream?ticket=abc123&ack=1 failed", "GET /messages/stream?ticket=***&ack=1 failed"),
        ("http://127.0.0.1:1/#access_token=open-abc is refused", "http://127.0.0.1:1/#access_token=*** is refused"),
        ("Authorization: Bearer abc.def-g", "Authorization: Bearer ***"),
        ("amqp://guest:hush@10.0.0.1:5672/ refused", "amqp://guest:***@10.0.0.1:5672/ refused"),
        ('{"token": "abc", "n": 1}', '{"token": "***", "n": 1}'),
        ("offer v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\na=ice-pwd:hush", "offer v=0***"),
        (r"bad: 'v=0\r\no=- 1 a=ice-pwd:hush'", "bad: 'v=0***"),
        ("nothing to hide in a session of 3", "nothing to hide in a session of 3"),
    ],
)
def test_texts_are_shown_without_secrets(text: str, shown: str) -> None:
    assert masked(None, "info", {"event": text})["event"] == shown


def test_fields_with_secret_names_are_never_shown() -> None:
    line = masked(None, "info", {"event": "x", "sdp_offer": "v=0", "token": "t", "secret": b"s", "n": 1})
    assert line == {"event": "x", "sdp_offer": "***", "token": "***", "secret": "***", "n": 1}


def test_a_traceback_is_masked_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    try:
        raise ValueError("cannot reach mongodb://user:hush@db/")
    except ValueError:
        logger("a").exception("bug")
    assert "hush" not in capsys.readouterr().err


def test_a_traceback_says_where_and_quotes_no_user(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither in our lines nor in those of libraries."""
    configure_logs("info")
    secret = "-".join(["what", "a", "user", "sent"])  # frames quote lines of our source
    try:
        raise KeyError(secret)
    except KeyError as failure:
        logger("a").exception("bug")
        logger("a").error("bug", exc_info=failure)
        logging.getLogger("asyncio").error("never retrieved", exc_info=failure)
    lines = written(capsys)
    assert [("KeyError" in str(line["exception"]), "test_logs.py" in str(line["exception"])) for line in lines] == [
        (True, True)
    ] * 3
    assert secret not in json.dumps(lines)
