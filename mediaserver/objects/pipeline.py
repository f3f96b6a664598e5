"""Media pipeline: the root of a session's media objects (protocol 9.2)."""

from typing import ClassVar

from mediaserver.model import catalogue
from mediaserver.model.spec import ClassSpec
from mediaserver.objects.media_object import MediaObject


class MediaPipeline(MediaObject):
    """Holds elements; media passes only between elements of one pipeline."""

    spec: ClassVar[ClassSpec] = catalogue.MEDIA_PIPELINE
