"""The wrapper: takes commands off the bus, drives Kurento, and keeps every fact of a session in the store."""
