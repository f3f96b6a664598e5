"""Webhook program: takes events off the bus, keeps a delivery for each endpoint, and sends until it is taken."""
