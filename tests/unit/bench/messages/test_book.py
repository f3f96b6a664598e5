"""The book sees what it is for: losses, doubles, a wrong order, strays and gaps between versions."""

import json

from bench.messages.book import Book, Reader, Room


def piece(*texts: str, version: int | None = None) -> bytes:
    """Messages as a frame has them."""
    shapes = [{"version": version, "at": "now", "data": {"type": "bench", "data": text}} for text in texts]
    return json.dumps(shapes, separators=(",", ":")).encode()


def room_of(readers: int) -> tuple[Room, list[Reader]]:
    """A room and its readers."""
    room = Room(0, "s", readers)
    return room, [Reader(room) for _ in range(readers)]


def test_a_message_is_done_when_the_last_one_has_it() -> None:
    book, (room, readers) = Book(), room_of(2)
    number, mark = room.mark(sender=7, due=1.0)
    assert book.given(readers[0], piece(mark)) == 1
    assert (room.left[number], room.done[number]) == (1, 0.0)
    book.given(readers[1], piece(mark))
    assert room.left[number] == 0
    assert room.done[number] > 0
    assert book.tally.delivered == 2


def test_what_comes_again_is_no_delivery() -> None:
    book, (room, [reader]) = Book(), room_of(1)
    _, mark = room.mark(sender=7, due=1.0)
    assert [book.given(reader, piece(mark, mark)), book.given(reader, piece(mark))] == [2, 1]
    assert (book.tally.delivered, book.tally.doubled) == (1, 2)


def test_only_the_order_of_one_sender_counts() -> None:
    book, (room, [reader]) = Book(), room_of(1)
    marks = [room.mark(sender, due=1.0)[1] for sender in (1, 2, 1)]
    book.given(reader, piece(marks[1], marks[0], marks[2]))
    assert book.tally.disordered == 0
    book, (room, [reader]) = Book(), room_of(1)
    marks = [room.mark(sender, due=1.0)[1] for sender in (1, 2, 1)]
    book.given(reader, piece(marks[2], marks[0]))
    assert book.tally.disordered == 1


def test_what_was_refused_is_owed_to_nobody_and_what_is_private_to_one() -> None:
    room, _ = room_of(5)
    refused, _ = room.mark(sender=1, due=1.0)
    room.forget(refused)
    private, _ = room.mark(sender=1, due=1.0, readers=1)
    assert (room.left[refused], room.left[private]) == (0, 1)


def test_a_message_of_another_room_is_a_stray() -> None:
    book, (_, [reader]) = Book(), room_of(1)
    _, mark = Room(1, "other", 1).mark(sender=1, due=1.0)
    book.given(reader, piece(mark))
    assert (book.tally.strays, book.tally.delivered) == (1, 0)


def test_versions_follow_each_other_from_the_first_one_on() -> None:
    book, (_, [reader]) = Book(), room_of(1)
    for version in (4, 5, 5, 7):
        book.given(reader, piece("", version=version))
    assert (book.tally.events, book.tally.doubled, book.tally.version_gaps) == (3, 1, 1)


def test_the_same_piece_counts_for_every_reader() -> None:
    book, (room, readers) = Book(), room_of(3)
    _, mark = room.mark(sender=1, due=1.0)
    for reader in readers:
        book.given(reader, piece(mark))
    assert book.tally.delivered == 3


def test_what_says_that_something_is_missing_is_counted() -> None:
    book, (_, [reader]) = Book(), room_of(1)
    assert book.given(reader, b'{"id":"r","type":"resync-required","session_id":"s"}') == 1
    assert (book.tally.resyncs, book.tally.delivered) == (1, 0)
