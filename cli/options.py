"""Options of `callplane up`."""

from dataclasses import dataclass
from pathlib import Path

from callplane.network import is_loopback

DEFAULT_PORT = 8080


@dataclass(frozen=True)
class Options:
    """``None`` leaves the choice to us; ``port`` given is meant: it is not exchanged for another one."""

    host: str = "127.0.0.1"
    port: int | None = None
    amqp_url: str | None = None
    mongo_url: str | None = None
    kms: tuple[str, ...] = ()
    data_dir: Path | None = None
    in_process_bus: bool = False
    log_level: str = "warning"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach us; only then access is open (design 8.1)."""
        return is_loopback(self.host)

    @property
    def is_temporary(self) -> bool:
        """Whether nobody will know of this run's calls when it has ended, though media servers live on."""
        return bool(self.kms) and self.mongo_url is None and self.data_dir is None
