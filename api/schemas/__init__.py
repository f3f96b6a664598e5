"""Schemas: request and response bodies, and WebRTC's formats."""
