"""Ends with 0 when the given address answers: ``http://…`` with a 2xx, ``tcp://host:port`` by taking a connection."""

import socket
import sys
import urllib.request
from urllib.parse import urlsplit

SECONDS = 2.0


def main(address: str) -> int:
    """0 when it answers in time; 1 with one line that says why not."""
    try:
        check(address)
    except (OSError, ValueError) as trouble:
        print(f"{address}: {trouble}", file=sys.stderr)
        return 1
    return 0


def check(address: str) -> None:
    """Raises OSError (urllib's errors are some) when nobody answers, or with an error."""
    parts = urlsplit(address)
    if parts.scheme == "tcp":
        if parts.port is None:
            raise ValueError("a tcp address needs a port")
        socket.create_connection((parts.hostname or "127.0.0.1", parts.port), SECONDS).close()
        return
    # A proxy of the environment is for the world outside, not for this container.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(address, timeout=SECONDS).close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
