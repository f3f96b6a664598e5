"""SdpEndpoint and BaseRtpEndpoint: negotiate by SDP and speak RTP (protocol 9.6)."""

from typing import Any

from kurento_client import decoding
from kurento_client.enums import ConnectionState, member
from kurento_client.objects.media_element import MediaElement
from kurento_client.records import RembParams


class SdpEndpoint(MediaElement):
    """An endpoint with one negotiation in its life: no renegotiation, no ICE restart (protocol 10.1)."""

    async def generate_offer(self) -> str:
        """Return an offer; AlreadyNegotiated (40208) after any other negotiation."""
        return decoding.text(await self._invoke("generateOffer"))

    async def process_offer(self, offer: str) -> str:
        """Return the answer to an offer, without candidates.

        Raises SdpRefused (40201 unparsable, 40205 not answerable; the endpoint can try again) and
        AlreadyNegotiated (40208).
        """
        return decoding.text(await self._invoke("processOffer", offer=offer))

    async def process_answer(self, answer: str) -> str:
        """Apply the answer to our offer; returns the local SDP.

        Raises SdpRefused (40201: try again; 40206: the endpoint is spoilt), KurentoError 40209 without an
        offer of ours, AlreadyNegotiated (40210).
        """
        return decoding.text(await self._invoke("processAnswer", answer=answer))

    async def get_local_session_descriptor(self) -> str:
        """Return the local SDP with the candidates found so far; NoDescription (40202) before there is one."""
        return decoding.text(await self._invoke("getLocalSessionDescriptor"))

    async def get_remote_session_descriptor(self) -> str:
        """Return the peer's SDP; NoDescription (40203) before there is one."""
        return decoding.text(await self._invoke("getRemoteSessionDescriptor"))

    async def get_max_audio_recv_bandwidth(self) -> int:
        """Return the audio limit in kbit/s, 0 for none."""
        return decoding.integer(await self._invoke("getMaxAudioRecvBandwidth"))

    async def set_max_audio_recv_bandwidth(self, kbps: int) -> None:
        """Limit the audio the peer is asked to send, kbit/s; before the SDP is made."""
        await self._invoke("setMaxAudioRecvBandwidth", maxAudioRecvBandwidth=kbps)

    async def get_max_video_recv_bandwidth(self) -> int:
        """Return the video limit in kbit/s, 0 for none."""
        return decoding.integer(await self._invoke("getMaxVideoRecvBandwidth"))

    async def set_max_video_recv_bandwidth(self, kbps: int) -> None:
        """Limit the video the peer is asked to send, kbit/s; before the SDP is made."""
        await self._invoke("setMaxVideoRecvBandwidth", maxVideoRecvBandwidth=kbps)


class BaseRtpEndpoint(SdpEndpoint):
    """An endpoint with RTP and RTCP, congestion control and connection state."""

    async def get_min_video_recv_bandwidth(self) -> int:
        """Return the least video bandwidth asked of the peer, kbit/s."""
        return decoding.integer(await self._invoke("getMinVideoRecvBandwidth"))

    async def set_min_video_recv_bandwidth(self, kbps: int) -> None:
        """Set the least video bandwidth asked of the peer, kbit/s."""
        await self._invoke("setMinVideoRecvBandwidth", minVideoRecvBandwidth=kbps)

    async def get_min_video_send_bandwidth(self) -> int:
        """Return the least video bandwidth sent, kbit/s; 100 by default."""
        return decoding.integer(await self._invoke("getMinVideoSendBandwidth"))

    async def set_min_video_send_bandwidth(self, kbps: int) -> None:
        """Set the least video bandwidth sent, kbit/s."""
        await self._invoke("setMinVideoSendBandwidth", minVideoSendBandwidth=kbps)

    async def get_max_video_send_bandwidth(self) -> int:
        """Return the most video bandwidth sent, kbit/s; 500 by default."""
        return decoding.integer(await self._invoke("getMaxVideoSendBandwidth"))

    async def set_max_video_send_bandwidth(self, kbps: int) -> None:
        """Set the most video bandwidth sent, kbit/s; the default of 500 is low for a camera."""
        await self._invoke("setMaxVideoSendBandwidth", maxVideoSendBandwidth=kbps)

    async def get_mtu(self) -> int:
        """Return the MTU in bytes; 1200 by default."""
        return decoding.integer(await self._invoke("getMtu"))

    async def set_mtu(self, size: int) -> None:
        """Set the MTU in bytes."""
        await self._invoke("setMtu", mtu=size)

    async def get_remb_params(self) -> RembParams:
        """Return the parameters of bandwidth estimation."""
        return RembParams.read(await self._invoke("getRembParams"))

    async def get_media_state(self) -> ConnectionState:
        """Tell whether RTCP arrives; falls some 16 s after the peer has vanished (protocol 10.3)."""
        return self._state(await self._invoke("getMediaState"))

    async def get_connection_state(self) -> ConnectionState:
        """Tell whether DTLS was ever set up; a real Kurento never takes it back (protocol 10.3)."""
        return self._state(await self._invoke("getConnectionState"))

    async def request_keyframe(self) -> None:
        """Ask upstream for a key frame; KurentoError 40111 with nothing connected upstream."""
        await self._invoke("requestKeyframe")

    def _state(self, value: Any) -> ConnectionState:
        return member(ConnectionState, value)
