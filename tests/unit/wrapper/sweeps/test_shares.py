"""Who does what: shared evenly, known to all, and moved only from one who is missing."""

from collections import Counter

from callplane.contracts.ids import SessionId
from wrapper.sweeps.shares import shares

SESSIONS = [SessionId(f"session {number}") for number in range(1000)]
WRAPPERS = ["a", "b", "c", "d"]


def test_everything_is_somebodys_and_about_as_much_of_it_each() -> None:
    shared = shares(SESSIONS, WRAPPERS)
    assert sorted(session for share in shared.values() for session in share) == sorted(SESSIONS)
    assert Counter({wrapper: len(share) for wrapper, share in shared.items()}).most_common()[-1][1] > 200
    assert shares(SESSIONS, frozenset(WRAPPERS)) == shared, "in whatever order they are known"


def test_one_that_is_missing_leaves_the_shares_of_the_others_as_they_are() -> None:
    before, after = shares(SESSIONS, WRAPPERS), shares(SESSIONS, WRAPPERS[1:])
    assert all(set(before[wrapper]) <= set(after[wrapper]) for wrapper in WRAPPERS[1:])
