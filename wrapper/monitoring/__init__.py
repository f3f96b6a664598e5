"""Monitoring: probes and metrics."""
