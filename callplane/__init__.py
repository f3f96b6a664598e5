"""What the API pods and the wrappers agree on: contracts, the bus, the store and telemetry."""
