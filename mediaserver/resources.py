"""Resource limit: refuses new objects before the process runs out of file descriptors (protocol 5.2: 40009)."""

import resource
from dataclasses import dataclass
from pathlib import Path

from kurento_client.jsonrpc import Code
from mediaserver.errors import refusal


@dataclass(frozen=True)
class Resources:
    """The share of the descriptor limit beyond which nothing more is made, as Kurento's `exceptionLimit`."""

    share: float

    def check(self) -> None:
        """Refuse with 40009 when too many descriptors are in use."""
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        used = sum(1 for _ in Path("/proc/self/fd").iterdir())
        if used > self.share * limit:
            said = f"Too many open files: {used} of {limit}"
            raise refusal(Code.NOT_ENOUGH_RESOURCES, said)
