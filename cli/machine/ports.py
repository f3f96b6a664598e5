"""TCP ports of this machine that nobody listens on."""

import errno
import random
import socket

# Linux hands out outgoing connections from 32768 on. A server that is started again on its port must not find it
# taken by some client's connection, so ports are chosen below that range.
_LOWEST, _HIGHEST = 15_000, 31_999
_TRIES = 200


class PortTaken(Exception):
    """Somebody listens on the port already."""


def free_port(host: str = "127.0.0.1") -> int:
    """A port on which nobody listens at the moment."""
    for port in random.sample(range(_LOWEST, _HIGHEST), _TRIES):
        if is_free(port, host):
            return port
    raise PortTaken(f"no free port was found between {_LOWEST} and {_HIGHEST}")


def free_ports(count: int) -> list[int]:
    """Several different free ports."""
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return list(ports)


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on this port now; an address that this machine does not have raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As every server does: without it the remains of closed connections (TIME_WAIT) count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as trouble:
            if trouble.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True
