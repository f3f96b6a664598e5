"""A mailbox over server-sent events and WebSocket."""
