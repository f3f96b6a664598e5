"""Sharing at random: a key that somebody sets or takes away, for histories in which anything may happen."""

import random

from callplane.contracts.ids import CommandId, ParticipantId, SessionId, new_id
from callplane.store.shared_state import StateGuard
from testkit.inprocess.repositories import Repositories

KEYS = ("a", "b.c", "constructor")
VALUES = (None, 1, [None, "$x.y"], {"$a": 2**70})


async def share(store: Repositories, session: SessionId, who: ParticipantId, chance: random.Random) -> None:
    """Whatever the key is, or as it was seen just now; by a server, or by who may not be there."""
    found = await store.sessions.find(session)
    assert found is not None
    key = chance.choice(KEYS)
    seen, by = chance.choice((None, None, 0, found.version_of(key))), chance.choice((None, who))
    guard = StateGuard(CommandId(new_id()), store.soon(), by, seen)
    await store.shared_state.set(session, key, chance.choice(VALUES), guard)
