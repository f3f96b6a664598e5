"""MediaRef as MongoDB holds it: one binary value of subtype 0x80 with server and object id in it.

A decoder on plain strings would see every string of every document; a subtype of its own is seen alone.
"""

from bson.binary import Binary
from bson.codec_options import TypeCodec, TypeRegistry

from callplane.contracts.media import MediaRef

_SUBTYPE = 0x80


class MediaRefCodec(TypeCodec):
    """Both directions; binary values of other subtypes pass as they are."""

    python_type = MediaRef
    bson_type = Binary

    def transform_python(self, value: MediaRef) -> Binary:
        """``server`` NUL ``id``, as UTF-8: neither may hold a NUL."""
        return Binary(f"{value.server}\0{value.id}".encode(), _SUBTYPE)

    def transform_bson(self, value: Binary) -> MediaRef | Binary:
        """Back again; another subtype is none of ours, and what is no text is left to who reads the document."""
        if value.subtype != _SUBTYPE:
            return value
        try:
            server, _, id_ = value.decode().partition("\0")
        except UnicodeDecodeError:
            return value
        return MediaRef(server, id_)


TYPE_REGISTRY = TypeRegistry([MediaRefCodec()])
