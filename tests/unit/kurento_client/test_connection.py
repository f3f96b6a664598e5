import asyncio
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from kurento_client import (
    AttemptFailed,
    CallTimedOut,
    Connected,
    ConnectionChange,
    Lost,
    NotConnected,
    Options,
    OutcomeUnknown,
)
from kurento_client.connection import KurentoConnection
from kurento_client.jsonrpc import Event, Request
from testkit.fakes.scripted_kurento import SILENCE, Whole, scripted_kurento
from testkit.servers.machine_time import within

QUICK = Options(open_timeout=0.3, backoff_first=0.02, backoff_longest=0.1, close_timeout=0.05)


def deaf(_: Event) -> bool:
    return True


@asynccontextmanager
async def running(url: str, options: Options = QUICK) -> AsyncIterator[KurentoConnection]:
    """Run a link while the block runs; waiting for one of its states has a deadline of its own."""
    link = KurentoConnection(url, options, deaf)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(link.run())
        yield link
        task.cancel()


async def next_state(link: KurentoConnection) -> ConnectionChange:
    async with asyncio.timeout(8):
        return await anext(link.states)


async def connected(link: KurentoConnection) -> Connected:
    """Return the next Connected, whatever comes before it."""
    while True:
        state = await next_state(link)
        if isinstance(state, Connected):
            return state


async def test_a_link_greets_and_says_so() -> None:
    async with scripted_kurento() as kurento, running(kurento.url) as link:
        first = await next_state(link)
        assert isinstance(first, Connected)
        assert (first.server_id, first.session_id) == (kurento.server_id, link.session_id)
        assert (first.same_process, first.same_session) == (False, False)
        assert (await link.call("ping")).session_id == first.session_id


async def test_a_cut_line_is_the_same_session_again() -> None:
    async with scripted_kurento() as kurento, running(kurento.url) as link:
        first = await connected(link)
        kurento.cut()
        assert isinstance(await next_state(link), Lost)
        again = await connected(link)
        assert again == Connected(first.server_id, first.session_id, same_process=True, same_session=True)
        asked = [each.params for each in kurento.requests if each.method == "connect"]
        assert asked == [None, {"sessionId": first.session_id}]


async def test_another_process_is_known_by_its_server_id() -> None:
    async with scripted_kurento() as kurento, running(kurento.url) as link:
        first = await connected(link)
        kurento.restart_process()
        again = await connected(link)
        assert (again.same_process, again.same_session) == (False, False)
        assert again.server_id == kurento.server_id != first.server_id
        assert again.session_id != first.session_id
        assert (await link.call("ping")).session_id == again.session_id


async def test_a_collected_session_is_known_by_its_id() -> None:
    async with scripted_kurento() as kurento, running(kurento.url) as link:
        first = await connected(link)
        kurento.sessions.clear()
        kurento.cut()
        again = await connected(link)
        assert (again.same_process, again.same_session) == (True, False)
        assert again.session_id != first.session_id


async def test_a_new_process_that_makes_up_the_old_session_is_still_new() -> None:
    async with scripted_kurento() as kurento, running(kurento.url) as link:
        first = await connected(link)
        kurento.restart_process()
        kurento.sessions.add(first.session_id)
        again = await connected(link)
        assert (again.session_id, again.same_session) == (first.session_id, False)


async def test_ids_go_on_after_a_reconnect() -> None:
    async with scripted_kurento() as kurento, running(kurento.url) as link:
        await connected(link)
        await link.call("ping")
        kurento.cut()
        await connected(link)
        await link.call("ping")
        ids = [each.id for each in kurento.requests]
        assert len(set(ids)) == len(ids) == 4


async def test_calls_in_flight_end_with_the_line_and_later_ones_are_not_sent() -> None:
    async with scripted_kurento() as kurento, running(kurento.url) as link:
        await connected(link)
        kurento.answers["invoke"] = lambda _: SILENCE

        async def call() -> None:
            with pytest.raises(OutcomeUnknown) as unknown:
                await link.call("invoke", {"object": "x"})
            assert not isinstance(unknown.value, CallTimedOut)

        async with asyncio.TaskGroup() as group, asyncio.timeout(2):
            for _ in range(20):
                group.create_task(call())
            await kurento.received("invoke", count=20)
            await kurento.stop()
        assert not link.connected.is_set()
        with pytest.raises(NotConnected):
            await link.call("ping")
        await kurento.start()
        await connected(link)


async def test_a_silent_server_is_noticed_within_3_5_seconds() -> None:
    async with scripted_kurento() as kurento, running(kurento.url, Options()) as link:
        await connected(link)
        kurento.freeze()
        async with within(3.5):
            lost = await next_state(link)
        assert isinstance(lost, Lost)
        assert lost.reason == "no pong in 2 s"


async def test_a_refused_attempt_is_said_at_once_and_every_time() -> None:
    async with scripted_kurento() as kurento, running(kurento.url) as link:
        await connected(link)
        died = asyncio.get_running_loop().time()
        await kurento.stop()
        assert isinstance(await next_state(link), Lost)
        failed = [await next_state(link) for _ in range(4)]
        assert [each.refused for each in failed if isinstance(each, AttemptFailed)] == [True] * 4
        down = [each.down_for for each in failed if isinstance(each, AttemptFailed)]
        assert down == sorted(down)
        assert down[0] < 0.25
        since = {each.since for each in failed if isinstance(each, AttemptFailed)}
        assert len(since) == 1
        assert since.pop() >= died
        await kurento.start()
        assert (await connected(link)).same_session


async def test_a_server_that_dies_soon_after_it_came_is_known_by_its_refusal_at_once() -> None:
    patient = Options(ping_interval=0.05, backoff_first=20, backoff_longest=60, close_timeout=0.05)
    async with scripted_kurento() as kurento, running(kurento.url, patient) as link:
        await connected(link)
        await asyncio.sleep(0.2)
        await kurento.stop()
        assert isinstance(await next_state(link), Lost)
        state = await next_state(link)
        assert isinstance(state, AttemptFailed)
        assert state.refused


async def test_a_listener_that_says_nothing_fails_after_its_time() -> None:
    with sockets.create_server(("127.0.0.1", 0)) as listener:
        async with running(f"ws://127.0.0.1:{listener.getsockname()[1]}/kurento") as link:
            failed = await next_state(link)
            assert isinstance(failed, AttemptFailed)
            assert not failed.refused
            assert failed.down_for >= QUICK.open_timeout


async def test_a_server_that_does_not_greet_is_not_connected() -> None:
    async with scripted_kurento() as kurento:
        kurento.greets = False
        async with running(kurento.url) as link:
            failed = await next_state(link)
            assert isinstance(failed, AttemptFailed)
            assert not failed.refused
            kurento.greets = True
            await connected(link)


async def test_a_line_that_ends_while_greeting_fails_at_once() -> None:
    async with scripted_kurento() as kurento:
        kurento.greets = False
        async with running(kurento.url, Options(open_timeout=60)) as link:
            await kurento.received("connect")
            kurento.cut()
            failed = await next_state(link)
            assert isinstance(failed, AttemptFailed)
            assert "OutcomeUnknown" in failed.reason


@pytest.mark.parametrize("result", [None, {}, {"sessionId": "s"}, {"serverId": "k"}, {"serverId": 1, "sessionId": "s"}])
async def test_who_greets_otherwise_is_no_kurento(result: object) -> None:
    async with scripted_kurento() as kurento:
        kurento.greeting = Whole(result)
        async with running(kurento.url) as link:
            failed = await next_state(link)
            assert isinstance(failed, AttemptFailed)
            assert "no Kurento" in failed.reason


async def test_more_events_than_their_reader_takes_end_the_connection() -> None:
    heard: list[Event] = []

    def take_two(event: Event) -> bool:
        if len(heard) == 2:
            return False
        heard.append(event)
        return True

    async with scripted_kurento() as kurento:
        link = KurentoConnection(kurento.url, QUICK, take_two)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(link.run())
            await connected(link)
            for n in range(3):
                await kurento.emit("o", f"T{n}")
            assert await next_state(link) == Lost("more events than their reader takes")
            assert [each.type for each in heard] == ["T0", "T1"]
            assert (await connected(link)).same_session
            task.cancel()


async def test_the_end_of_a_link_ends_its_calls() -> None:
    async with scripted_kurento() as kurento, asyncio.TaskGroup() as group:
        kurento.answers["invoke"] = lambda _: SILENCE
        async with running(kurento.url) as link:
            await connected(link)
            call = group.create_task(outcome(link))
            await kurento.received("invoke")
        assert await call == "unknown"


async def outcome(link: KurentoConnection) -> str:
    """Say how a call ended."""
    try:
        await link.call("invoke")
    except OutcomeUnknown:
        return "unknown"
    return "answered"


async def test_a_forgotten_session_is_not_asked_for_again() -> None:
    async with scripted_kurento() as kurento, running(kurento.url) as link:
        first = await connected(link)
        link.forget_session()
        again = await connected(link)
        assert (again.same_process, again.same_session) == (True, False)
        assert again.session_id != first.session_id


async def test_pauses_grow_to_their_longest_and_differ() -> None:
    link = KurentoConnection("ws://127.0.0.1/kurento", Options(), deaf)
    assert 0.05 <= link._pause(0) <= 0.1
    assert 2.5 <= link._pause(7) <= 5.0
    assert 2.5 <= link._pause(100_000) <= 5.0
    assert len({link._pause(3) for _ in range(10)}) > 1


async def test_answers_may_pass_a_mebibyte() -> None:
    def large(_: Request) -> str:
        return "x" * 3_000_000

    async with scripted_kurento() as kurento, running(kurento.url) as link:
        await connected(link)
        kurento.answers["invoke"] = large
        assert len((await link.call("invoke")).value) == 3_000_000
        assert link.connected.is_set()
