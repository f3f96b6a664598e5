"""Object table: all living objects by id; tells when one comes or goes."""

from mediaserver.errors import not_found
from mediaserver.objects.media_object import MediaObject
from mediaserver.objects.server_manager import MANAGER_ID, ServerManager


class ObjectTable:
    """The media objects of the process; the server manager is told of every change."""

    def __init__(self, manager: ServerManager) -> None:
        self._manager = manager
        self._objects: dict[str, MediaObject] = {MANAGER_ID: manager}

    def get(self, object_id: str) -> MediaObject:
        """Return a living object, or raise 40101."""
        found = self._objects.get(object_id)
        if found is None:
            raise not_found(object_id)
        return found

    def find(self, object_id: str) -> MediaObject | None:
        """Return a living object, or None."""
        return self._objects.get(object_id)

    def all(self) -> list[MediaObject]:
        """Return every living object, the manager included."""
        return list(self._objects.values())

    def pipelines(self) -> list[MediaObject]:
        """Return the roots in the order of their ids."""
        roots = [o for o in self._objects.values() if o.parent is None and o is not self._manager]
        return sorted(roots, key=lambda o: o.id)

    def add(self, made: MediaObject) -> None:
        """Enter a new object under its parent and say so."""
        self._objects[made.id] = made
        if made.parent is not None:
            made.parent.children[made.id] = made
        self._manager.raise_event("ObjectCreated", object=made.id)

    def remove(self, target: MediaObject) -> list[MediaObject]:
        """Take an object and its descendants out, children first, and say so; the manager stays."""
        if target is self._manager or target.id not in self._objects:
            return []
        gone = [each for child in list(target.children.values()) for each in self.remove(child)]
        del self._objects[target.id]
        if target.parent is not None:
            target.parent.children.pop(target.id, None)
        target.dispose()
        self._manager.raise_event("ObjectDestroyed", objectId=target.id)
        return [*gone, target]


def ancestors(target: MediaObject) -> list[MediaObject]:
    """Return the object's parents, nearest first."""
    found = []
    while target.parent is not None:
        target = target.parent
        found.append(target)
    return found


def descendants(target: MediaObject) -> list[MediaObject]:
    """Return everything below the object."""
    return [each for child in target.children.values() for each in (child, *descendants(child))]
