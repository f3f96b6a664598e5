"""The driver: opening MongoDB, its errors, its codec."""
