"""Deduplication of data channel events, which Kurento delivers twice each."""

from collections import OrderedDict

from kurento_client.events import DataChannelClosed, DataChannelOpened, MediaEvent

REMEMBERED = 1024


class Repeated:
    """Knows what was last said of each data channel (protocol 9.7); the latest channels only."""

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, int], type[MediaEvent]] = OrderedDict()

    def __call__(self, event: MediaEvent) -> bool:
        """Tell whether this is the repetition of a data channel's last event."""
        if not isinstance(event, DataChannelOpened | DataChannelClosed):
            return False
        channel = (event.object, event.channel_id)
        if self._last.get(channel) is type(event):
            return True
        self._last[channel] = type(event)
        self._last.move_to_end(channel)
        if len(self._last) > REMEMBERED:
            self._last.popitem(last=False)
        return False
