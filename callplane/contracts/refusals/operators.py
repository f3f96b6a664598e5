"""Operator refusals: media servers, killed servers, dead letters and unreadable documents."""

from callplane.contracts.errors import Refusal


def media_server_not_found() -> Refusal:
    """Nothing has this name."""
    return Refusal("not-found", "There is no such media server. List them for their names.")


def media_server_has_a_name(name: str) -> Refusal:
    """The same address under another name."""
    return Refusal("wrong-state", f"This media server is registered as {name}. Use that name, or remove it first.")


def media_server_name_taken() -> Refusal:
    """The same name for another address."""
    return Refusal("wrong-state", "Another media server has this name. Use another name, or remove it first.")


def media_server_busy() -> Refusal:
    """Sessions would lose their media."""
    return Refusal("wrong-state", "Open sessions are on this media server. Drain it first.")


def server_not_killable() -> Refusal:
    """Nothing that may be killed has this id."""
    return Refusal("not-found", "There is no such server to kill. List them for their ids.")


def server_not_up() -> Refusal:
    """It does not run, so that there is nothing to kill."""
    return Refusal("wrong-state", "This server is not up. Wait until it is, or start it first.")


def server_not_off() -> Refusal:
    """It runs, or will again by itself."""
    return Refusal("wrong-state", "This server has been started already. It comes up by itself.")


def dead_letter_not_found() -> Refusal:
    """Nothing has this id."""
    return Refusal("not-found", "There is no such dead letter. List them for their ids.")


def dead_letter_unreadable() -> Refusal:
    """Nothing that could be sent again."""
    return Refusal("wrong-state", "This dead letter holds no command that can be read. It can only be removed.")


def dead_letter_without_session() -> Refusal:
    """Nobody would take it."""
    return Refusal("wrong-state", "The session of this dead letter is gone. It can only be removed.")


def document_not_found() -> Refusal:
    """Nothing has this key."""
    return Refusal("not-found", "There is no such document. List them for their keys.")


def document_readable() -> Refusal:
    """Only what cannot be read may be removed by hand."""
    return Refusal("wrong-state", "This document can be read, and stays. List those that cannot.")


def tenant_not_found() -> Refusal:
    """Of a tenant that is not the caller's."""
    return Refusal("not-found", "There is no such tenant for this key. Ask for its own.")


def tenants_too_many(limit: int) -> Refusal:
    """No more are followed."""
    return Refusal(
        "wrong-state", f"There are {limit} tenants with quotas of their own. Take those of another back first."
    )


def key_not_found() -> Refusal:
    """Nothing in the database has this name."""
    return Refusal("not-found", "There is no such key in the database. Those of CALLPLANE_API_KEYS are changed there.")


def key_there_already(name: str) -> Refusal:
    """A name is one key's."""
    return Refusal("wrong-state", f"There is a key {name!r} already. Rotate it, or take another name.")


def keys_too_many(limit: int) -> Refusal:
    """No more are followed."""
    return Refusal("wrong-state", f"There are {limit} keys in the database. Revoke what nobody uses.")
