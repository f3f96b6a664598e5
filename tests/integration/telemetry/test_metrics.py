"""What real programs export after a real call: the stages of a command, the pool, the queues, the mailboxes."""

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from callplane.contracts.registry import command_names
from testkit.clients.participant import person, pods
from testkit.servers.programs import API_KEY, Program, Size, cluster
from testkit.servers.servers import Servers
from testkit.servers.until import until

KEY = {"X-API-Key": API_KEY}


class Scrape:
    """One reading of a program."""

    def __init__(self, text: str) -> None:
        self._families = list(text_string_to_metric_families(text))

    @classmethod
    async def of(cls, program: Program) -> "Scrape":
        """As Prometheus does it."""
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{program.url}/metrics")
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/plain; version=")
            return cls(answer.text)

    def value(self, name: str, **labels: str) -> float | None:
        """The sum of the samples with these labels among others; None when there is none."""
        found = [
            s.value for f in self._families for s in f.samples if s.name == name and labels.items() <= s.labels.items()
        ]
        return sum(found) if found else None

    def labels(self, name: str) -> set[str]:
        """Every value of a label."""
        return {value for f in self._families for s in f.samples for key, value in s.labels.items() if key == name}


@pytest.mark.long
async def test_a_call_is_seen_in_the_metrics_of_both_programs(servers: Servers) -> None:
    async with cluster(servers, Size(apis=2, wrappers=1)) as c, pods(api.url for api in c.apis) as ask:
        (wrapper,) = c.wrappers
        (machine,) = c.media_servers
        session = (await ask("POST", "/sessions", headers=KEY, json={})).json()["id"]
        async with person(ask, session, KEY) as ann:
            await ann.publish()
            for stage in ("queue", "store", "broker", "kurento"):
                count = "callplane_wrapper_command_stage_seconds_count"
                seen = await Scrape.of(wrapper)
                assert (seen.value(count, command="publish", stage=stage) or 0) >= 1, stage
            assert seen.value("callplane_wrapper_command_seconds_count", command="join", outcome="done") == 1
            assert seen.value("callplane_kurento_call_seconds_count", operation="processOffer", outcome="done") == 1
            assert (seen.value("callplane_change_stream_lag_seconds_count") or 0) >= 1
            assert (seen.value("callplane_change_stream_lag_seconds_sum") or 9) < 5
            assert (seen.value("callplane_change_stream_silent_seconds") or 0) < 5
            assert seen.value("callplane_sessions_listened") == 1

            async def on_the_server() -> bool:
                pool = await Scrape.of(wrapper)
                names = [name for name in pool.labels("server") if name in machine.url]
                return [pool.value("callplane_media_server_sessions", server=name) for name in names] == [1]

            await until(on_the_server, seconds=15)
            seen = await Scrape.of(wrapper)
            assert seen.value("callplane_media_server_up") == seen.value("callplane_media_server_reached") == 1
            assert (seen.value("callplane_media_server_memory_bytes") or 0) > 1024 * 1024
            assert seen.value("callplane_queue_messages", queue="dead-letters") == 0
            assert (seen.value("callplane_event_loop_lag_seconds_count") or 0) > 0

            # Ann's polls go to both pods in turn: one holds her mailbox, the other sends them on.
            apis = [await Scrape.of(api) for api in c.apis]
            assert sum(api.value("callplane_mailboxes_held") or 0 for api in apis) == 1
            assert sum(api.value("callplane_polls_forwarded_total") or 0 for api in apis) >= 1
            for stage in ("broker", "reply"):
                spent = [api.value("callplane_command_stage_seconds_count", stage=stage) or 0 for api in apis]
                assert sum(spent) >= 3
        for seen in [*[await Scrape.of(api) for api in c.apis], await Scrape.of(wrapper)]:
            assert seen.labels("command") <= set(command_names())
            assert not any(
                session in value or ann.id in value for name in ("route", "stage") for value in seen.labels(name)
            )
