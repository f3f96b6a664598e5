"""What the end of a wrapper whose database ends with it does, and that nothing in it keeps the end from coming."""

from types import SimpleNamespace
from typing import cast

import pytest

from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.media import MediaRef
from wrapper.app import Program
from wrapper.embedded_shutdown import released_at_the_end
from wrapper.media.port import Gone


class Media:
    """Releases, or fails of one pipeline."""

    def __init__(self, failure: Exception | None) -> None:
        self._failure = failure
        self.asked: list[str] = []

    async def release(self, pipeline: MediaRef) -> None:
        """Ask, and fail of the second."""
        self.asked.append(pipeline.id)
        if self._failure is not None and pipeline.id == "2":
            raise self._failure


def program(media: Media) -> Program:
    """One that knows three pipelines."""

    async def pipelines() -> list[MediaRef]:
        return [MediaRef("one", str(n)) for n in (1, 2, 3)]

    async def drain() -> None:
        """At once."""

    store = SimpleNamespace(sessions=SimpleNamespace(pipelines=pipelines))
    context = SimpleNamespace(media=media, store=store)
    return cast(Program, SimpleNamespace(listener=SimpleNamespace(drain=drain), context=context))


@pytest.mark.parametrize("failure", [None, Gone(MediaRef("one", "2")), Trouble("late"), Unavailable("away")])
async def test_every_pipeline_is_asked_for_and_the_end_comes(failure: Exception | None) -> None:
    """Also where a store or broker is away, which a task group would hide from who waits for it in a group."""
    media = Media(failure)
    async with released_at_the_end(program(media)):
        assert media.asked == []
    assert sorted(media.asked) == ["1", "2", "3"]
