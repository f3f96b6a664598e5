"""What the parts of the wrapper ask of each other where they would otherwise import in a circle."""

from typing import Protocol

from callplane.store.documents import ConnectionDocument, SessionDocument
from callplane.store.versioned_updates import Change


class FollowUps(Protocol):
    """Whoever sees to it that what a change owes is done: its event published, its chores carried out."""

    def owes(self, change: Change[SessionDocument] | Change[ConnectionDocument] | None) -> None:
        """Take over what the change owes; at once and without waiting. What does not get done is swept."""
        ...
