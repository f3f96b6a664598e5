"""Erlang shell of a RabbitMQ node, to ask it what no port of its tells."""

import asyncio
import base64
import json
import re
import uuid
from typing import Any

from cli.machine.process import POLL, Process

_DEADLINE = 10.0


class ErlangError(Exception):
    """The node could not evaluate what it was asked."""


class Shell:
    """Evaluates Erlang in a node whose standard input is its shell."""

    def __init__(self, node: Process) -> None:
        self._node = node

    async def ask(self, expression: str) -> Any:
        """Evaluate an expression that makes JSON terms (lists, maps, binaries, numbers), and return its value."""
        token = uuid.uuid4().hex
        # Base64, because prompts and log lines of the node share its standard output with the answer.
        said = f'io:format("~n<~s{{}}~s>~n", ["{token}", base64:encode({{}})])'
        value = said.format(":", f"rabbit_json:encode(begin {expression} end)")
        error = said.format("!", 'iolist_to_binary(io_lib:format("~0p", [Error]))')
        self._node.write(f"try {value} catch _:Error -> {error} end.\n")
        kind, answer = await self._answer(token)
        text = base64.b64decode(answer).decode(errors="replace")
        if kind == "!":
            raise ErlangError(text)
        return json.loads(text)

    async def _answer(self, token: str) -> tuple[str, str]:
        pattern = re.compile(rf"<{token}([:!])([A-Za-z0-9+/=]*)>")
        async with asyncio.timeout(_DEADLINE):
            while True:
                if found := pattern.search(self._node.output()):
                    return found[1], found[2]
                if self._node.returncode is not None:
                    raise ErlangError("the node is down")
                await asyncio.sleep(POLL)
