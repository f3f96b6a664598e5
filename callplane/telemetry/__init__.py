"""Telemetry: logs, metrics and traces, the same in every program."""
