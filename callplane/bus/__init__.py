"""Bus: how commands and messages travel, RabbitMQ for replicated programs, an in-process bus for one process."""
