"""Frames that are written and read without pamqp are the same, to the octet, as pamqp's."""

import struct
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import commands as spec
from pamqp.body import ContentBody
from pamqp.frame import marshal
from pamqp.header import ContentHeader

from callplane.bus.rabbitmq import frames
from callplane.bus.rabbitmq.frames import Address

CHANNEL = 7
EXCHANGES = st.text("abzAZ09._-", max_size=60)
"""Others are refused by pamqp."""
TEXTS = st.text(max_size=60)
SHORT = st.text(max_size=60).filter(lambda text: len(text.encode()) <= 255)
NAMES = st.text(min_size=1, max_size=32)
"""Of headers: pamqp cuts longer ones, at 128 octets."""
HEADERS = st.dictionaries(NAMES, st.one_of(TEXTS, st.integers(-(2**31), 2**31 - 1)), max_size=4)
ANY_HEADERS = st.dictionaries(
    NAMES,
    st.one_of(TEXTS, st.integers(-(2**63), 2**63 - 1), st.booleans(), st.none(), st.lists(TEXTS, max_size=2)),
    max_size=4,
)


@given(headers=HEADERS, message_id=SHORT.filter(bool), others=st.tuples(*[st.none() | SHORT] * 3), persistent=...)
def test_properties_that_are_published(
    headers: dict[str, Any], message_id: str, others: tuple[str | None, str | None, str | None], persistent: bool
) -> None:
    correlation_id, reply_to, kind = others
    theirs = spec.Basic.Properties(
        content_type="application/json",
        headers=headers,
        delivery_mode=2 if persistent else 1,
        message_id=message_id,
        correlation_id=correlation_id,
        reply_to=reply_to,
        message_type=kind,
    )
    ours = frames.properties_to_publish(message_id, headers=headers, persistent=persistent, others=others)
    assert ours == theirs.marshal()
    read = frames.properties_of(ContentHeader(body_size=3, properties=theirs).marshal())
    assert read == (headers, correlation_id or None, reply_to or None, message_id)


@given(headers=ANY_HEADERS, texts=st.lists(st.none() | SHORT, min_size=9, max_size=9), mode=st.none() | st.just(2))
def test_properties_of_others_are_read(headers: dict[str, Any], texts: list[str | None], mode: int | None) -> None:
    names = ("content_type", "content_encoding", "correlation_id", "reply_to", "expiration", "message_id")
    texts_of: dict[str, Any] = dict(zip((*names, "message_type", "user_id", "app_id"), texts, strict=True))
    theirs = spec.Basic.Properties(
        headers=headers, delivery_mode=mode, priority=mode, timestamp=datetime.now(UTC), **texts_of
    )
    header = ContentHeader(body_size=2**33, properties=theirs).marshal()
    assert frames.body_size(header) == 2**33
    read = frames.properties_of(header)
    assert read.headers == headers
    assert read[1:] == tuple(texts_of[name] or None for name in ("correlation_id", "reply_to", "message_id"))


@pytest.mark.parametrize("cut", range(14, 60))
def test_a_header_that_is_cut_off_is_not_read_as_another(cut: int) -> None:
    whole = ContentHeader(properties=spec.Basic.Properties(headers={"attempt": 1}, message_id="m" * 32)).marshal()
    if cut < len(whole):
        with pytest.raises((ValueError, IndexError, struct.error)):
            frames.properties_of(whole[:cut])


@given(exchange=EXCHANGES, key=SHORT, mandatory=..., body=st.binary(max_size=50), most=st.integers(1, 20))
def test_a_publication(exchange: str, key: str, mandatory: bool, body: bytes, most: int) -> None:
    properties = spec.Basic.Properties(delivery_mode=1, message_id="m")
    pieces = [body[start : start + most] for start in range(0, len(body), most)]
    theirs = b"".join(
        marshal(frame, CHANNEL)
        for frame in (
            spec.Basic.Publish(exchange=exchange, routing_key=key, mandatory=mandatory),
            ContentHeader(body_size=len(body), properties=properties),
            *map(ContentBody, pieces),
        )
    )
    ours = frames.publication(CHANNEL, Address(exchange, key, mandatory), frames.transient("m"), body, most)
    assert ours == theirs


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than 255"):
        frames.publication(CHANNEL, Address("", "ä" * 128, mandatory=True), frames.TRANSIENT, b"", 100)


@pytest.mark.parametrize("tag", [1, 2**63 - 1])
def test_what_settles(tag: int) -> None:
    assert frames.settled(CHANNEL, frames.ACK, tag) == marshal(spec.Basic.Ack(tag), CHANNEL)
    assert frames.settled(CHANNEL, frames.ACK, tag, multiple=True) == marshal(spec.Basic.Ack(tag, True), CHANNEL)
    assert frames.settled(CHANNEL, frames.NACK, tag, requeue=True) == marshal(
        spec.Basic.Nack(tag, multiple=False, requeue=True), CHANNEL
    )
    for method in (spec.Basic.Ack(tag, True), spec.Basic.Nack(tag, multiple=True, requeue=True)):
        assert frames.confirmed(marshal(method, CHANNEL), frames.BEFORE) == (tag, True)
    assert frames.confirmed(marshal(spec.Basic.Nack(tag, multiple=False), CHANNEL), frames.BEFORE) == (tag, False)


@given(consumer=SHORT, exchange=EXCHANGES, key=SHORT, tag=st.integers(0, 2**63 - 1), again=...)
def test_a_delivery(consumer: str, exchange: str, key: str, tag: int, again: bool) -> None:
    frame = marshal(spec.Basic.Deliver(consumer, tag, again, exchange, key), CHANNEL)
    method = frame[frames.BEFORE : -1]
    assert frames.consumer_tag(frame, frames.BEFORE) == consumer.encode()
    assert frames.delivery_tag(method) == (tag, again)
    assert frames.routing_key(method) == key


def test_the_numbers_of_methods() -> None:
    for told, method in (
        (frames.CHANNEL_CLOSE, spec.Channel.Close),
        (frames.CHANNEL_CLOSE_OK, spec.Channel.CloseOk),
        (frames.CONNECTION_CLOSE, spec.Connection.Close),
        (frames.CONNECTION_CLOSE_OK, spec.Connection.CloseOk),
        (frames.CANCEL, spec.Basic.Cancel),
        (frames.CANCEL_OK, spec.Basic.CancelOk),
        (frames.RETURN, spec.Basic.Return),
    ):
        assert told == method.index.to_bytes(4, "big")
