"""Port errors: what a Kurento client raises, as the media port has it."""

from collections.abc import Iterator
from contextlib import contextmanager

from callplane.contracts.errors import Trouble
from callplane.contracts.media import MediaRef
from callplane.contracts.refusals.connections import offer_refused
from kurento_client import ClientError, KurentoError, NotConnected, ObjectNotFound, SdpRefused, TransactionFailed
from wrapper.media.port import Gone, Unreached


@contextmanager
def refused(ref: MediaRef) -> Iterator[None]:
    """A transaction that named a missing object is Gone, and one whose SDP was refused is its sender's fault; what was
    refused otherwise is Trouble.
    """
    try:
        yield
    except TransactionFailed as failure:
        if isinstance(failure.error, ObjectNotFound):
            raise Gone(ref) from failure
        if isinstance(failure.error, SdpRefused):
            raise offer_refused(failure.error.message) from failure
        raise Trouble(f"the media server refused: {failure}") from failure
    except KurentoError as failure:
        raise Trouble(f"the media server refused: {failure}") from failure


@contextmanager
def translated(ref: MediaRef) -> Iterator[None]:
    """Kurento's refusals pass; a missing object is Gone; everything about the way to the server is Trouble."""
    try:
        yield
    except ObjectNotFound as missing:
        raise Gone(ref) from missing
    except (KurentoError, TransactionFailed):
        raise
    except NotConnected as missing:
        raise Unreached(ref.server) from missing
    except ClientError as failure:
        raise Trouble(f"media server {ref.server}: {failure}") from failure
