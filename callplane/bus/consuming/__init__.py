"""Consuming: from a delivery to its acknowledgement, the same on both buses."""
