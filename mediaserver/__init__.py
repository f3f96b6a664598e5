"""A small media server on aiortc that speaks the Kurento protocol and forwards encoded media (design 2, 7)."""
