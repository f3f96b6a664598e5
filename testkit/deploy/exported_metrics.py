"""The names of everything that the programs export, as Prometheus knows them."""

from typing import Never

from prometheus_client import CollectorRegistry

from api.log.catch_up import FeedCounts
from api.mailboxes.pod import Counts
from api.metrics import Metrics as ApiMetrics
from callplane.telemetry.commands import CommandWatch
from hooks.metrics import Metrics as HooksMetrics
from wrapper.monitoring.gauges import Gauges, Sources
from wrapper.monitoring.metrics import Metrics as WrapperMetrics

_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}


def of_api() -> set[str]:
    """What an API pod exports."""
    metrics = ApiMetrics()
    metrics.watch_mailboxes(Counts)
    metrics.watch_feeds(FeedCounts)
    metrics.watch_hints(int)
    return _names(metrics.registry)


def of_wrapper() -> set[str]:
    """What a wrapper exports."""
    metrics = WrapperMetrics()
    metrics.watch_hints(int)
    CommandWatch(metrics)
    Gauges(_unread(), metrics.registry)
    return _names(metrics.registry)


def of_hooks() -> set[str]:
    """What the webhook program exports."""
    return _names(HooksMetrics().registry)


def of_all() -> set[str]:
    """What any program exports."""
    return of_api() | of_wrapper() | of_hooks()


def labels() -> dict[str, set[str]]:
    """Label names that a metric may carry, the ones that Prometheus adds apart."""
    metrics, watched = ApiMetrics(), WrapperMetrics()
    CommandWatch(watched)
    gauges = Gauges(_unread(), watched.registry)
    found = {family.name: set(getattr(family, "_labelnames", ())) for family in gauges.collect()}
    for registry in (metrics.registry, watched.registry, HooksMetrics().registry):
        for collector in list(registry._collector_to_names):
            name, names = getattr(collector, "_name", None), getattr(collector, "_labelnames", ())
            if name is not None:
                found[name] = set(names)
    return found


def _unread() -> Sources:
    async def nothing(*_said: object) -> Never:
        raise AssertionError("nobody reads")

    return Sources(nothing, nothing, nothing, frozenset, lambda: 0, lambda: 0, lambda: 0, nothing)


def _names(registry: CollectorRegistry) -> set[str]:
    return {f"{family.name}{suffix}" for family in registry.collect() for suffix in _SUFFIXES.get(family.type, ("",))}
