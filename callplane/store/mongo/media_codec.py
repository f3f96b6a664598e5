"""MediaRef as MongoDB holds it: one binary value of subtype 0x80 with server and object id in it.

Written by the driver, wherever one stands; read by who knows where one stands. With a decoder in its registry PyMongo
takes each answer apart in Python, and what it reads in C in half of the time: a fifth of what a read cost (measured).
"""

from typing import Any

from bson.binary import Binary
from bson.codec_options import TypeEncoder, TypeRegistry

from callplane.contracts.media import MediaRef

_SUBTYPE = 0x80


class MediaRefEncoder(TypeEncoder):
    """Puts a reference into documents and filters."""

    python_type = MediaRef

    def transform_python(self, value: MediaRef) -> Binary:
        """``server`` NUL ``id``, as UTF-8: neither may hold a NUL."""
        return Binary(f"{value.server}\0{value.id}".encode(), _SUBTYPE)


def media_ref(value: Any) -> Any:
    """The reference that a value of a document holds; what is none is left to who reads the document."""
    if not isinstance(value, Binary) or value.subtype != _SUBTYPE:
        return value
    try:
        server, _, id_ = value.decode().partition("\0")
    except UnicodeDecodeError:
        return value
    return MediaRef(server, id_)


TYPE_REGISTRY = TypeRegistry([MediaRefEncoder()])
