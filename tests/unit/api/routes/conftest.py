"""Routes: fixtures of those that are served past the framework."""

from typing import Any

import pytest
from fastapi import FastAPI


@pytest.fixture
def routed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that have gone through the framework."""
    paths: list[str] = []
    framework = FastAPI.__call__

    async def counted(self: FastAPI, scope: Any, receive: Any, send: Any) -> None:
        paths.append(scope["path"])
        await framework(self, scope, receive, send)

    monkeypatch.setattr(FastAPI, "__call__", counted)
    return paths
