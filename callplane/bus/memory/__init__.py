"""The bus of one process, without AMQP."""

from callplane.bus.memory.bus import MemoryBus, open_bus
from callplane.bus.memory.exchange import Exchange

__all__ = ["Exchange", "MemoryBus", "open_bus"]
