"""The media plane: SDP, ICE, DTLS-SRTP and the forwarding of encoded RTP packets."""
