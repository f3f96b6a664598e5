"""Settings of the webhook program, from environment variables ``CALLPLANE_…``."""

from pydantic import Field

from callplane.contracts.webhooks import Hosts
from callplane.program import ProgramSettings
from hooks.schedule import Schedule


class HooksSettings(ProgramSettings):
    """Where it may send to, how long a receiver has, and when it is tried again."""

    webhook_hosts: Hosts = Field(
        "public", description="where webhooks may go: https to the internet, also to this machine, or private networks"
    )
    webhook_days: int = Field(
        30, ge=4, le=3650, description="how long deliveries can be read and replayed; the API as well"
    )
    webhook_seconds: float = Field(15.0, gt=0, le=30, description="how long a receiver has for its answer")
    webhook_first_pause: float = Field(5.0, gt=0, le=3600, description="seconds until a failed delivery is sent again")
    webhook_longest_pause: float = Field(86_400.0, gt=0, le=86_400, description="the same after many failures")
    webhook_give_up: float = Field(
        259_200.0, gt=0, le=2_592_000, description="seconds after which a delivery that fails once more is dead"
    )
    webhook_per_endpoint: int = Field(
        8, ge=1, le=64, description="requests to one endpoint at a time, from one process"
    )
    webhook_at_once: int = Field(128, ge=1, le=1024, description="requests at a time, from one process")
    probe_host: str = Field("127.0.0.1", description="where /livez, /readyz and /metrics listen")
    probe_port: int = Field(0, ge=0, le=65535, description="their port; 0 is a free one")

    @property
    def schedule(self) -> Schedule:
        """When a failed delivery is sent again."""
        return Schedule(self.webhook_first_pause, self.webhook_longest_pause, self.webhook_give_up)
