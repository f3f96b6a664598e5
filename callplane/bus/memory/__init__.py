"""The bus of one process, without AMQP."""

from callplane.bus.memory.broker import Exchange
from callplane.bus.memory.bus import MemoryBus, open_bus

__all__ = ["Exchange", "MemoryBus", "open_bus"]
