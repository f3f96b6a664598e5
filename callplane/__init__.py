"""Common ground of API pods and wrappers: contracts, the bus, the store and telemetry."""
