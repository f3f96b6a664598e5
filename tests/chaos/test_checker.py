"""The checker against histories in which something went wrong on purpose: one that cannot fail is worth nothing."""

from pathlib import Path

import pytest

from testkit.clients.history import History
from tests.chaos.checker import check
from tests.chaos.story import Story, seat
from tests.chaos.verdict import Verdict


def only(verdict: Verdict, kind: str, words: str) -> None:
    """Exactly this went wrong."""
    found = {each: sentences for each, sentences in verdict.wrong.items() if sentences}
    assert set(found) == {kind}, found
    assert any(words in sentence for sentence in found[kind]), found


def test_a_good_history_is_clean() -> None:
    story = Story()
    story.signals("ann", 1, "ann", "bo")
    story.signals("bo", 1, "ann", to="ann")
    story.told_all("participant-updated", {"participant": seat("ann", 2)})
    story.did("ann", "patch", {"n": 2, "participant": "ann"}, seat("ann", 2))
    story.looks(seat("ann", 2), seat("bo"))
    story.told_all("stream-published", {"participant_id": "ann", "connection_id": "c"})
    story.did("ann", "publish", {"key": "k"}, {"id": "c", "sdp_answer": "v=0"}, 201)
    story.tell("ann", "k", "answer", {"command_id": "k", "connection_id": "c", "sdp_answer": "v=0"})
    story.did("bo", "leave", {"participant": "bo"}, status=204)
    story.told_all("participant-left", {"participant_id": "bo", "reason": "left"})
    story.history.readers[1].ended = "left"
    verdict = story.verdict()
    assert verdict.clean, str(verdict)
    assert (verdict.attempted, verdict.acknowledged, verdict.unknown) == (10, 10, 0)


def test_a_repeat_under_the_same_id_is_counted_and_fine() -> None:
    story = Story()
    story.signals("ann", 1, "ann", "bo")
    story.hears("bo", "ann", 1)
    verdict = story.verdict()
    assert verdict.clean
    assert verdict.repeats == 1


def test_a_lost_signal_is_lost() -> None:
    story = Story()
    story.signals("ann", 1, "ann")
    only(story.verdict(), "lost", "signal 1 of ann never came to bo")


def test_a_signal_without_an_answer_may_be_lost() -> None:
    story = Story()
    story.unanswered("ann", "signal", n=1, to=None)
    verdict = story.verdict()
    assert verdict.clean
    assert verdict.unknown == 1


def test_a_reader_that_did_not_read_to_the_end_lost_nothing() -> None:
    story = Story()
    story.signals("ann", 1, "ann")
    story.history.readers[1].ended = "unfinished"
    assert story.verdict().clean


def test_a_signal_under_two_ids_is_double() -> None:
    story = Story()
    story.signals("ann", 1, "ann", "bo")
    story.hears("bo", "ann", 1, "another id")
    only(story.verdict(), "duplicated", "under two ids")


def test_a_signal_of_nobody_and_one_for_somebody_else_are_phantoms() -> None:
    story = Story()
    story.hears("bo", "ann", 9)
    only(story.verdict(), "phantom", "signal 9 of ann")
    story = Story()
    story.signals("bo", 1, "ann", "bo", to="ann")
    only(story.verdict(), "phantom", "not for it")


def test_signals_that_overtake_each_other_are_reordered() -> None:
    story = Story()
    for n in (1, 2):
        story.signals("ann", n, "ann")
    for n in (2, 1):
        story.hears("bo", "ann", n)
    only(story.verdict(), "reordered", "signal 1 of ann after 2")


def test_a_version_going_back_is_reordered() -> None:
    story = Story()
    story.told_all("media-ready", {"epoch": 1})
    story.told_all("media-lost", {"epoch": 2})
    bos = [n for n, d in enumerate(story.history.deliveries) if d.reader == "bo"]
    a, b = bos[-2], bos[-1]
    deliveries = story.history.deliveries
    deliveries[a], deliveries[b] = deliveries[b], deliveries[a]
    verdict = story.verdict()
    assert any("version 4 after 5" in one for one in verdict.wrong["reordered"])


def test_a_gap_in_the_versions_is_a_lost_event() -> None:
    story = Story()
    story.told_all("media-ready", {"epoch": 1})
    del story.history.deliveries[-1]
    only(story.verdict(), "lost", "bo was never told version 4")


def test_two_events_under_one_version_are_double() -> None:
    story = Story()
    story.told_all("media-ready", {"epoch": 1})
    story.history.deliveries[-1].message["type"] = "media-lost"
    only(story.verdict(), "duplicated", "version 4 is told as")


def test_a_double_seat_is_double() -> None:
    story = Story()
    twin = {**seat("ann"), "id": "ann's twin"}
    story.told_all("participant-joined", {"participant": twin})
    only(story.verdict(), "duplicated", "join join ann took the seats")


def test_a_double_seat_that_only_a_look_shows_is_double() -> None:
    story = Story()
    story.looks(seat("ann"), seat("bo"), {**seat("ann"), "id": "ann's twin"})
    only(story.verdict(), "duplicated", "join join ann took the seats")


def test_a_seat_that_is_not_there_is_lost() -> None:
    story = Story()
    story.looks(seat("ann"))
    only(story.verdict(), "lost", "seat bo is not in the session")


def test_a_seat_taken_from_a_client_that_polled_is_lost() -> None:
    story = Story()
    story.told_all("participant-left", {"participant_id": "bo", "reason": "connection-lost"})
    only(story.verdict(), "lost", "taken away from a client that polled")


def test_a_seat_of_nobody_is_a_phantom() -> None:
    story = Story()
    story.told_all("participant-joined", {"participant": seat("ghost")})
    only(story.verdict(), "phantom", "whom nobody sent")


def test_two_sessions_of_one_custom_id_are_double() -> None:
    story = Story()
    story.did("room", "create", {"custom": "room"}, {"id": "another"})
    only(story.verdict(), "duplicated", "custom id room")


def test_an_older_value_after_an_acknowledged_update_is_lost() -> None:
    story = Story()
    for n in (1, 2):
        story.told_all("participant-updated", {"participant": seat("ann", n)})
        story.did("ann", "patch", {"n": n, "participant": "ann"}, seat("ann", n))
    story.looks(seat("ann", 1), seat("bo"))
    only(story.verdict(), "lost", "ann shows 1")


def test_an_unanswered_update_may_still_come() -> None:
    story = Story()
    story.unanswered("ann", "patch", n=1, participant="ann")
    story.did("ann", "patch", {"n": 2, "participant": "ann"}, seat("ann", 2))
    story.looks(seat("ann", 1), seat("bo"))
    for n in (2, 1):
        story.told_all("participant-updated", {"participant": seat("ann", n)})
    assert story.verdict().clean


def test_updates_that_nobody_was_told_of_and_that_were_told_twice() -> None:
    story = Story()
    story.did("ann", "patch", {"n": 1, "participant": "ann"}, seat("ann", 1))
    only(story.verdict(), "lost", "1 updates are acknowledged, 0 participant-updated")
    story = Story()
    story.did("ann", "patch", {"n": 1, "participant": "ann"}, seat("ann", 1))
    for _ in range(2):
        story.told_all("participant-updated", {"participant": seat("ann", 1)})
    only(story.verdict(), "duplicated", "1 updates were asked for, 2 participant-updated")


def test_a_publication_that_nobody_heard_of_is_lost_and_one_heard_of_twice_double() -> None:
    story = Story()
    story.did("ann", "publish", {"key": "k"}, {"id": "c", "sdp_answer": "v=0"}, 201)
    only(story.verdict(), "lost", "its stream was never told of")
    story = Story()
    story.did("ann", "publish", {"key": "k"}, {"id": "c", "sdp_answer": "v=0"}, 201)
    for _ in range(2):
        story.told_all("stream-published", {"participant_id": "ann", "connection_id": "c"})
    only(story.verdict(), "duplicated", "published 2 times")


def test_a_replacement_is_told_by_its_participant_and_lost_when_nobody_hears_of_it() -> None:
    story = Story()
    story.did("ann", "replace", {"key": "k"}, {"id": "c", "sdp_answer": "v=0"}, 201)
    only(story.verdict(), "lost", "its stream was never told of")
    for times in (1, 2):
        story = Story()
        story.did("ann", "replace", {"key": "k"}, {"id": "c", "sdp_answer": "v=0"}, 201)
        for _ in range(times):
            story.told_all("participant-updated", {"participant": {**seat("ann"), "streams": [{"connection_id": "c"}]}})
        verdict = story.verdict()
        assert verdict.clean if times == 1 else verdict.wrong["duplicated"]


def test_who_comes_back_as_somebody_else_is_double() -> None:
    story = Story()
    story.did("ann", "rejoin", {}, {"participant": seat("ann")}, 201)
    assert story.verdict().clean
    story = Story()
    story.did("ann", "rejoin", {}, {"participant": seat("cy")}, 201)
    only(story.verdict(), "duplicated", "ann came back as cy")


def test_an_accepted_offer_without_an_outcome_is_lost_and_two_answers_are_double() -> None:
    story = Story()
    story.did("ann", "subscribe", {"key": "k"}, {"id": "c", "command_id": "k"}, 202)
    only(story.verdict(), "lost", "neither answer nor error")
    story = Story()
    story.did("ann", "subscribe", {"key": "k"}, {"id": "c", "sdp_answer": "v=0 first"}, 201)
    story.tell("ann", "k", "answer", {"command_id": "k", "connection_id": "c", "sdp_answer": "v=0 second"})
    only(story.verdict(), "duplicated", "answered in 2 ways")


def test_who_left_and_sits_there_or_was_never_told_of_is_lost() -> None:
    story = Story()
    story.did("bo", "leave", {"participant": "bo"}, status=204)
    story.history.readers[1].ended = "left"
    story.looks(seat("ann"), seat("bo"))
    verdict = story.verdict()
    assert [one.partition(", and ")[2] for one in verdict.wrong["lost"]] == ["nobody was told", "still sits there"]


def test_a_session_that_is_open_after_its_close_is_lost() -> None:
    story = Story()
    story.did("room", "close", {}, status=204)
    story.looks(seat("ann"), seat("bo"))
    only(story.verdict(), "lost", "is open after its close")


@pytest.mark.parametrize(("status", "code"), [(500, "internal"), (404, "not-found"), (410, "join-again")])
def test_what_nobody_may_be_told_is_broken(status: int, code: str) -> None:
    story = Story()
    command = story.did("ann", "candidates", {}, status=status)
    command.attempts[-1].code = code
    verdict = story.verdict()
    assert verdict.wrong["broken"]


def test_a_history_that_was_kept_is_judged_alike(tmp_path: Path) -> None:
    story = Story()
    story.signals("ann", 1, "ann")
    story.verdict()
    story.history.save(tmp_path / "history.json")
    assert str(check(History.load(tmp_path / "history.json"))) == str(check(story.history))
