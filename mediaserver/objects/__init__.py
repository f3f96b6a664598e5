"""The media objects a client can hold: server manager, pipelines, WebRTC endpoints."""
