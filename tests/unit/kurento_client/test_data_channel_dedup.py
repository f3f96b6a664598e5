from kurento_client.data_channel_dedup import REMEMBERED, Repeated
from kurento_client.events import DataChannelClosed, DataChannelOpened, MediaEvent


def opened(channel: int, object: str = "e") -> MediaEvent:
    return DataChannelOpened(object, "DataChannelOpened", {}, channel)


def closed(channel: int) -> MediaEvent:
    return DataChannelClosed("e", "DataChannelClosed", {}, channel)


def test_the_second_of_two_is_known() -> None:
    twice = Repeated()
    heard = [opened(1), opened(1), opened(2), opened(1, "f"), closed(1), closed(1), opened(1)]
    assert [twice(each) for each in heard] == [False, True, False, False, False, True, False]


def test_other_events_may_repeat() -> None:
    twice = Repeated()
    event = MediaEvent("e", "Error", {})
    assert not twice(event)
    assert not twice(event)


def test_only_the_latest_channels_are_remembered() -> None:
    twice = Repeated()
    for channel in range(REMEMBERED + 1):
        twice(opened(channel))
    assert twice(opened(REMEMBERED))
    assert not twice(opened(0))
