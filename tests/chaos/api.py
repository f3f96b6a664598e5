"""HTTP as the browser SDK speaks it: any pod, repeats under one key while the trouble is one that passes."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from testkit.clients.history import Attempt, Command, History

TRY_SECONDS = 15.0
PATIENCE = 30.0
_BASE, _CAP = 0.2, 5.0
_REQUEST_TIMEOUT, _TOO_EARLY, _TOO_MANY, _SERVER_ERROR = 408, 425, 429, 500


@dataclass
class Api:
    """Sends each request to a pod chosen at random, and writes everything down."""

    http: httpx.AsyncClient
    pods: Callable[[], list[str]]
    history: History
    random: random.Random
    patience: float = PATIENCE
    failed: str = ""
    clock: Callable[[], float] = field(default=time.monotonic)

    async def do(self, command: Command, method: str, path: str, **options: Any) -> Command:
        """Carry a command through to its outcome: ok, refused, or unknown when patience is over."""
        end = self.clock() + self.patience
        for n in range(1000):
            attempt = Attempt(self.clock())
            command.attempts.append(attempt)
            wait = 0.0
            try:
                answer = await self.send(method, path, TRY_SECONDS, **options)
            except (httpx.HTTPError, TimeoutError):
                pass
            else:
                attempt.answered, attempt.status = self.clock(), answer.status_code
                if answer.is_success:
                    command.outcome, command.answer = "ok", _json(answer)
                    return command
                attempt.code = _json(answer).get("code", "")
                if not _passes(answer.status_code):
                    command.outcome, command.answer = "refused", _json(answer)
                    return command
                wait = float(answer.headers.get("Retry-After", 0))
            wait += self.jittered(n)
            if self.clock() + wait > end:
                break
            await asyncio.sleep(wait)
        return command

    async def send(self, method: str, path: str, seconds: float, **options: Any) -> httpx.Response:
        """One request to one pod: any, but not the one that has just failed somebody."""
        pods = self.pods()
        pod = self.random.choice([pod for pod in pods if pod != self.failed] or pods)
        try:
            async with asyncio.timeout(seconds):
                answer = await self.http.request(method, pod + path, **options)
        except (httpx.HTTPError, TimeoutError):
            self.failed = pod
            raise
        if self.failed == pod:
            self.failed = ""
        return answer

    def jittered(self, attempt: int) -> float:
        """How long the SDK rests before a repeat."""
        ceiling: float = min(_CAP, _BASE * 2 ** min(attempt, 16))
        return ceiling / 4 + self.random.random() * ceiling * 0.75


def _passes(status: int) -> bool:
    return status in (_REQUEST_TIMEOUT, _TOO_EARLY, _TOO_MANY) or status >= _SERVER_ERROR


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
