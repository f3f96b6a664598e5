"""Negotiation: from an SDP offer to a connection that the media server agrees with."""
