"""RabbitMQ: the bus of a cluster, and the only room that imports aio-pika."""

from callplane.bus.rabbitmq.bus import RabbitBus, RabbitSettings, open_bus

__all__ = ["RabbitBus", "RabbitSettings", "open_bus"]
