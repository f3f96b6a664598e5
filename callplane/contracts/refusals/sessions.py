"""Session refusals: sessions, and the seats in them, that are not there, full, or over."""

from callplane.contracts.bounds import HIDDEN_SEATS, SESSION_BYTES, STATE_BYTES, STATE_KEYS
from callplane.contracts.errors import Refusal
from callplane.contracts.reasons import GivenReason, JoinReason, SeatReason, SessionReason


def session_not_found() -> Refusal:
    """Nothing has this session id."""
    return Refusal("not-found", "There is no such session. Check its id, or make a session.")


def report_not_asked() -> Refusal:
    """Nobody waits for a report of this client, or not any more."""
    return Refusal("not-found", "Nobody waits for this report. Ask this participant's client for one first.")


def session_of_key_gone() -> Refusal:
    """What an old Idempotency-Key made is not there any more."""
    return Refusal("not-found", "What this key made is not there any more. Use another key for another session.")


def custom_id_of_another_tenant() -> Refusal:
    """While the version before serves as well, or sessions that it made are open, a custom id is one session's."""
    detail = "This custom id cannot be had while an update is under way. Try again when it is over, or use another one."
    return Refusal("unavailable", detail, retry_after=5)


def session_closed(reason: SessionReason | GivenReason | None = None) -> Refusal:
    """The session is over."""
    return Refusal("session-closed", "The session is closed. Make another one.", reason=reason)


def settings_differ(differing: list[str]) -> Refusal:
    """The open session of the custom id is not as the request says."""
    detail = "The open session of this custom id has other settings than were asked for"
    return Refusal("settings-differ", f"{detail}: {', '.join(differing)}. Change it, or leave these out.")


def already_joined() -> Refusal:
    """The identity sits there, and the session refuses duplicates."""
    reason: JoinReason = "already-joined"
    detail = "This identity is in the session already. Leave there first, or have its duplicates replaced."
    return Refusal("wrong-state", detail, reason=reason)


def session_full(seats: int) -> Refusal:
    """Every seat is taken."""
    return Refusal("session-full", f"All {seats} seats of the session are taken. Try again when somebody has left.")


def hidden_seats_taken() -> Refusal:
    """Every hidden seat is taken."""
    detail = f"All {HIDDEN_SEATS} hidden seats of the session are taken. Remove one of them first."
    return Refusal("session-full", detail)


def hidden_seat_stays() -> Refusal:
    """Something of a hidden seat is to be changed, of which nobody could be told."""
    detail = "A hidden seat stays as its join has made it. To change it, leave and join again."
    return Refusal("wrong-state", detail)


def session_too_large() -> Refusal:
    """Nothing may be added that makes the document larger."""
    detail = f"The session has grown to its {SESSION_BYTES} bytes, all metadata included. Make metadata smaller first."
    return Refusal("too-large", detail)


def state_full() -> Refusal:
    """A key more, or a longer value, than the shared state has room for."""
    detail = f"The shared state of a session has up to {STATE_KEYS} keys and {STATE_BYTES} bytes. Take keys away first."
    return Refusal("too-large", detail)


def document_too_large() -> Refusal:
    """More than MongoDB keeps in one document."""
    return Refusal("too-large", "This is more than one document of the database can hold. Send less.")


def stale_version(version: int) -> Refusal:
    """The caller has seen an older state than the one that it would change."""
    detail = f"The session is at version {version}, not at the one that If-Match names. Read it, then change it."
    return Refusal("stale-version", detail)


def stale_key(key: str, version: int) -> Refusal:
    """The caller has seen an older value of the key than the one that it would change; 0: there is none."""
    now = f"has its value since version {version}" if version else "is not there"
    return Refusal("stale-version", f"The key {key} {now}, other than if_version says. Read it, then change it.")


def too_late() -> Refusal:
    """Its caller has long stopped waiting."""
    return Refusal("unavailable", "The command came too late to be carried out. Send it again.", retry_after=1)


def participant_not_found() -> Refusal:
    """Nobody with this id sits, or has sat, in the session."""
    return Refusal("not-found", "There is no such participant in this session. Look at the session for who is in it.")


def kicked() -> Refusal:
    """A participant that was removed comes back."""
    return Refusal("kicked", "This participant was removed from the session, and cannot come back to it.")


def seat_gone(reason: SeatReason | GivenReason | None = None) -> Refusal:
    """The seat has ended since, for this reason as far as it is known."""
    return Refusal("join-again", "The seat of this participant is gone. Join again.", reason=reason)


def join_undone() -> Refusal:
    """The repeat of a join whose seat has ended since."""
    detail = "This join was carried out, and its seat has gone since. Join again, under another key if there is one."
    return Refusal("join-again", detail)
