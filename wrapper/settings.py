"""The wrapper's settings, from environment variables ``CALLPLANE_…``."""

from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from callplane.telemetry.exporting import OTLP_PATTERN


class WrapperSettings(BaseSettings):
    """Where the servers are, and the times that decide when somebody counts as dead."""

    model_config = SettingsConfigDict(env_prefix="CALLPLANE_", frozen=True, extra="ignore")

    amqp_url: str = Field("amqp://guest:guest@127.0.0.1:5672/", description="RabbitMQ")
    amqp_quorum: bool = Field(
        False, description="whether queues that all sessions share are replicated over three nodes; both programs"
    )
    mongo_url: str = Field("mongodb://127.0.0.1:27017/?replicaSet=rs0", description="MongoDB, a replica set")
    mongo_database: str = Field("callplane", description="the database's name")
    kms_urls: str = Field(
        "", description="media servers: ws://host:8888/kurento or name=ws://host:8888/kurento, separated by commas"
    )
    deployment: str = Field("callplane", description="marks what is ours on a media server that others use too")
    max_send_kbps: int = Field(2000, ge=0, description="cap on video to one viewer; Kurento's own default is 500")
    lease_seconds: float = Field(3.0, gt=0, le=60, description="how long a silent wrapper counts as alive")
    sweep_seconds: float = Field(1.0, gt=0, le=60, description="how often, and how old, what is owed is swept")
    orphan_seconds: float = Field(
        30.0, gt=0, le=3600, description="how long an object on a media server may be without anybody referring to it"
    )
    drain_per_second: int = Field(10, ge=1, le=1000, description="how many sessions leave a drained media server")
    drop_seconds: float = Field(5.0, ge=0, le=900, description="how long lost media may heal before anybody is told")
    connect_seconds: float = Field(
        15.0, gt=0, le=900, description="how long after its answer a connection may take until media can flow"
    )
    tombstone_seconds: int = Field(3600, ge=0, description="how long a closed session's mailboxes can be read")
    probe_host: str = Field("127.0.0.1", description="where /livez, /readyz and /metrics listen")
    probe_port: int = Field(0, ge=0, le=65535, description="their port; 0 is a free one")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="the least that is logged")

    otlp_endpoint: str = Field(
        "", pattern=OTLP_PATTERN, description="OpenTelemetry collector for traces, http://host:4318; none: no traces"
    )
    otlp_share: float = Field(1.0, ge=0, le=1, description="the share of traces that is recorded, the same everywhere")

    @field_validator("kms_urls")
    @classmethod
    def _readable(cls, value: str) -> str:
        named_servers(value)
        return value


def named_servers(text: str) -> dict[str, str]:
    """Name → URL of each media server; without a name it is called by host and port."""
    servers: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, url = part.partition("=") if "=" in part.partition("://")[0] else ("", "", part)
        name, url = name.strip(), url.strip()
        if not url.startswith(("ws://", "wss://")) or (equals and not name):
            raise ValueError(f"'{part}' is no media server: write ws://host:8888/kurento")
        name = name if equals else url.partition("://")[2].partition("/")[0]
        if name in servers:
            raise ValueError(f"two media servers are called '{name}'")
        servers[name] = url
    return servers
