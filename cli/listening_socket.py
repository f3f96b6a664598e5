"""Listening socket of the address that people open: taken before anything is started, so that nobody else gets it."""

import errno
import socket

from cli.machine.errors import CannotStart
from cli.options import DEFAULT_PORT, Options

_TRIES = 200


def listening_socket(options: Options) -> socket.socket:
    """A bound socket: the port that was asked for, or the first free one from the default on."""
    if options.port is not None:
        found = _bound(options.host, options.port)
        if found is None:
            raise CannotStart(f"port {options.port} is taken: choose another, or leave --port out")
        return found
    for port in range(DEFAULT_PORT, DEFAULT_PORT + _TRIES):
        if (found := _bound(options.host, port)) is not None:
            return found
    raise CannotStart(f"ports {DEFAULT_PORT} to {DEFAULT_PORT + _TRIES - 1} are all taken: give one with --port")


def _bound(host: str, port: int) -> socket.socket | None:
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as trouble:
        if trouble.errno == errno.EADDRINUSE:
            return None
        raise CannotStart(f"{host}:{port} cannot be listened on: {trouble.strerror}") from trouble
