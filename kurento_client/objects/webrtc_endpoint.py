"""WebRtcEndpoint: what browsers talk to (protocol 9.7)."""

from dataclasses import dataclass
from typing import Any

from kurento_client import decoding
from kurento_client.objects.rtp_endpoint import BaseRtpEndpoint
from kurento_client.records import DtlsConnection, IceCandidate, IceCandidatePair, IceConnection


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """What a WebRtcEndpoint is constructed with, in the protocol's order and with its defaults."""

    recvonly: bool = False
    sendonly: bool = False
    use_data_channels: bool = False
    certificate_key_type: str = "RSA"
    qos_dscp: str = "NO_VALUE"

    def wire(self) -> dict[str, Any]:
        """Write what differs from the defaults, and all before it (the prefix rule of protocol 2.6)."""
        return _prefix(
            ("recvonly", self.recvonly, False),
            ("sendonly", self.sendonly, False),
            ("useDataChannels", self.use_data_channels, False),
            ("certificateKeyType", self.certificate_key_type, "RSA"),
            ("qosDscp", self.qos_dscp, "NO_VALUE"),
        )


@dataclass(frozen=True, slots=True)
class DataChannelOptions:
    """What a data channel is created with; at most one of the two limits (else 40107), -1 is none."""

    label: str = ""
    ordered: bool = True
    max_packet_life_time: int = -1
    max_retransmits: int = -1
    protocol: str = ""

    def wire(self) -> dict[str, Any]:
        """Write what differs from the defaults, and all before it."""
        return _prefix(
            ("label", self.label, ""),
            ("ordered", self.ordered, True),
            ("maxPacketLifeTime", self.max_packet_life_time, -1),
            ("maxRetransmits", self.max_retransmits, -1),
            ("protocol", self.protocol, ""),
        )


class WebRtcEndpoint(BaseRtpEndpoint):
    """One peer connection.

    The safe order: subscribe, `process_offer`, send the answer, `gather_candidates`, then `add_ice_candidate`
    as they come (protocol 10.2). `getIceTcp` is left out: it crashes the server (9.4).
    """

    async def gather_candidates(self) -> None:
        """Start gathering; before there is a local SDP it does nothing, in silence (protocol 10.2).

        Again is harmless. Raises KurentoError 40400 when the agent fails.
        """
        await self._invoke("gatherCandidates")

    async def add_ice_candidate(self, candidate: IceCandidate) -> None:
        """Add a candidate of the peer; queued before the SDP, ignored when empty or unparsable (10.2).

        Raises KurentoError 40401 for an m-line that does not exist.
        """
        await self._invoke("addIceCandidate", candidate=candidate.wire())

    async def get_ice_candidate_pairs(self) -> tuple[IceCandidatePair, ...]:
        """Return the selected pairs."""
        return decoding.each(IceCandidatePair.read, await self._invoke("getICECandidatePairs"))

    async def get_ice_connection_state(self) -> tuple[IceConnection, ...]:
        """Return the state of each component; component 1 decides (protocol 10.2)."""
        return decoding.each(IceConnection.read, await self._invoke("getIceConnectionState"))

    async def get_dtls_connection_state(self) -> tuple[DtlsConnection, ...]:
        """Return the state of each DTLS connection."""
        return decoding.each(DtlsConnection.read, await self._invoke("getDtlsConnectionState"))

    async def create_data_channel(self, options: DataChannelOptions | None = None) -> None:
        """Open a data channel; its id comes as DataChannelOpened. KurentoError 40111 without SCTP."""
        await self._invoke("createDataChannel", **(options or DataChannelOptions()).wire())

    async def close_data_channel(self, channel_id: int) -> None:
        """Close a data channel."""
        await self._invoke("closeDataChannel", channelId=channel_id)

    async def get_stun_server_address(self) -> str:
        """Return the STUN server's IP; empty for none."""
        return decoding.text(await self._invoke("getStunServerAddress"))

    async def set_stun_server_address(self, ip: str) -> None:
        """Set the STUN server: an IP, no name; before gathering, as the rest of these."""
        await self._invoke("setStunServerAddress", stunServerAddress=ip)

    async def get_stun_server_port(self) -> int:
        """Return the STUN server's port; 3478 by default."""
        return decoding.integer(await self._invoke("getStunServerPort"))

    async def set_stun_server_port(self, port: int) -> None:
        """Set the STUN server's port."""
        await self._invoke("setStunServerPort", stunServerPort=port)

    async def get_turn_url(self) -> str:
        """Return the TURN server; empty for none."""
        return decoding.text(await self._invoke("getTurnUrl"))

    async def set_turn_url(self, url: str) -> None:
        """Set the TURN server as `user:password@ip:port[?transport=udp|tcp|tls]`."""
        await self._invoke("setTurnUrl", turnUrl=url)

    async def get_network_interfaces(self) -> str:
        """Return the interfaces to gather on, comma-separated; empty for all."""
        return decoding.text(await self._invoke("getNetworkInterfaces"))

    async def set_network_interfaces(self, names: str) -> None:
        """Set the interfaces to gather on, comma-separated."""
        await self._invoke("setNetworkInterfaces", networkInterfaces=names)

    async def get_external_ipv4(self) -> str:
        """Return the IPv4 address to announce instead of the local one; empty for none."""
        return decoding.text(await self._invoke("getExternalIPv4"))

    async def set_external_ipv4(self, ip: str) -> None:
        """Set the IPv4 address to announce."""
        await self._invoke("setExternalIPv4", externalIPv4=ip)


def _prefix(*arguments: tuple[str, Any, Any]) -> dict[str, Any]:
    last = max((i for i, (_, given, default) in enumerate(arguments) if given != default), default=-1)
    return {name: given for name, given, _ in arguments[: last + 1]}
