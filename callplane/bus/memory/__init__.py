"""In-process bus, without AMQP."""

from callplane.bus.memory.broker import MemoryBroker
from callplane.bus.memory.bus import MemoryBus, open_bus

__all__ = ["MemoryBroker", "MemoryBus", "open_bus"]
