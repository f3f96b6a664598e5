"""Settings of the wrapper, from environment variables ``CALLPLANE_…``."""

from pydantic import Field, field_validator

from callplane.program import ProgramSettings


class WrapperSettings(ProgramSettings):
    """Where the servers are, and the times that decide when somebody counts as dead."""

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
    history_days: int = Field(
        0, ge=0, le=3650, description="how long chat of sessions of the log engine can be read after their tombstone"
    )
    event_days: int = Field(30, ge=1, le=3650, description="how long a session's events can be read")
    events: bool = Field(True, description="publish what happens to the exchange `events`, for applications' servers")
    probe_host: str = Field("127.0.0.1", description="where /livez, /readyz and /metrics listen")
    probe_port: int = Field(0, ge=0, le=65535, description="their port; 0 is a free one")

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
