"""Readers of what we deploy: Dockerfiles, manifests, and the metrics that programs export."""
