"""The request cache and time."""

from mediaserver.rpc.cache import RequestCache


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_answer_lasts_twenty_seconds() -> None:
    clock = Clock()
    cache = RequestCache(clock)
    cache.store("s", 1, "answer", "s")
    clock.now = 19.9
    for same in (1, "1"):
        found = cache.find("s", same)
        assert found is not None
        assert found.text == "answer"
    assert cache.find("t", 1) is None
    clock.now = 20.0
    assert cache.find("s", 1) is None
    assert len(cache) == 0


def test_an_answer_stored_again_lasts_longer() -> None:
    clock = Clock()
    cache = RequestCache(clock)
    cache.store("s", 1, "old", None)
    cache.store("s", 2, "other", None)
    clock.now = 15.0
    cache.store("s", 1, "new", None)
    clock.now = 25.0
    found = cache.find("s", 1)
    assert found is not None
    assert found.text == "new"
    assert cache.find("s", 2) is None


def test_it_is_bounded() -> None:
    cache = RequestCache(Clock(), limit=3)
    for number in range(5):
        cache.store("s", number, str(number), None)
    assert len(cache) == 3
    assert cache.find("s", 1) is None
