"""Streaming: a mailbox over server-sent events and WebSocket."""
