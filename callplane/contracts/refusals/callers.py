"""Caller refusals: no credential, one that is not valid, and what a valid one is not for."""

from callplane.contracts.errors import Code, Refusal
from callplane.contracts.shapes import Role


def credential_missing() -> Refusal:
    """Nobody is said to ask."""
    return Refusal("unauthorized", "This needs a credential. Send a bearer token, or an API key as X-API-Key.")


def bearer_expected() -> Refusal:
    """Another scheme in ``Authorization`` (RFC 6750)."""
    return Refusal("unauthorized", "Only the Bearer scheme is understood. Send the token as Authorization: Bearer.")


def token_not_valid() -> Refusal:
    """Not signed here, or not valid any more."""
    return Refusal("unauthorized", "The token is not valid here. Get a new one.")


def token_expired() -> Refusal:
    """Signed by one of our keys' holders, and over."""
    return Refusal("unauthorized", "The token has expired. Get a new one.")


def api_key_not_known() -> Refusal:
    """None of those in the settings."""
    return Refusal("unauthorized", "The API key is not known here. Check it against the settings of the server.")


def ticket_not_valid() -> Refusal:
    """Used, too old, or invented."""
    return Refusal("unauthorized", "This ticket was used, is older than a minute, or never was one. Get a new one.")


def open_access_needs_link() -> Refusal:
    """Open access with a token of this run."""
    return Refusal("unauthorized", "Open access is for the link that was printed at the start. Open that link.")


def open_access_not_by_proxy() -> Refusal:
    """Open access is for this machine, and a proxy speaks for others."""
    return Refusal("unauthorized", "Open access is not for requests that came through a proxy. Send an API key.")


def open_access_not_by_name() -> Refusal:
    """Open access under a name that another site may have pointed at this machine."""
    return Refusal("unauthorized", "Open access is only for localhost, 127.0.0.1 and [::1]. Use one of these names.")


def open_access_not_cross_site() -> Refusal:
    """Open access for the page of another site."""
    detail = "Open access is not for pages of other sites. Name the site in CALLPLANE_CORS_ORIGINS."
    return Refusal("unauthorized", detail)


def api_key_needed(code: Code) -> Refusal:
    """For operators: ``unauthorized`` without a credential, ``forbidden`` with another one."""
    return Refusal(code, "This is for operators. Send an API key.")


def api_key_hooks() -> Refusal:
    """Webhooks are of a tenant's servers."""
    return Refusal("forbidden", "Webhooks are for servers. Send an API key.")


def operator_key_needed() -> Refusal:
    """A key of one tenant asks for what serves all."""
    return Refusal("not-found", "This is not there for this key. Send one that CALLPLANE_OPERATOR_KEYS names.")


def api_key_signs(code: Code) -> Refusal:
    """An access token is asked for without a key: ``unauthorized`` without a credential, ``forbidden`` with another."""
    return Refusal(code, "Access tokens are signed with an API key. Send one, from a server and not from a page.")


def participant_token_needed(code: Code) -> Refusal:
    """For who sits there: ``unauthorized`` without a credential, ``forbidden`` with another one."""
    return Refusal(code, "This is for participants. Send the participant token that joining has given.")


def key_or_participant_token_needed() -> Refusal:
    """Open access removes nobody."""
    return Refusal("unauthorized", "This needs an API key or the token of a participant. Send one of these.")


def token_of_another_session() -> Refusal:
    """The token names a session, and it is not this one."""
    return Refusal("forbidden", "This token is for another session. Use it there, or get one for this session.")


def participant_makes_no_sessions() -> Refusal:
    """A participant token makes a session."""
    return Refusal("forbidden", "A participant token makes no sessions. Send an access token or an API key.")


def token_lists_no_sessions() -> Refusal:
    """A token for one session asks for all."""
    return Refusal("forbidden", "This token is for one session. Look at that one, or send an API key to list all.")


def access_token_steers_no_session() -> Refusal:
    """An access token changes or closes a session."""
    detail = "An access token neither changes nor closes sessions. Join as a moderator, or send an API key."
    return Refusal("forbidden", detail)


def access_token_changes_no_participants() -> Refusal:
    """An access token changes a seat."""
    detail = "An access token changes no participants. Send the token of a participant, or an API key."
    return Refusal("forbidden", detail)


def access_token_removes_no_participants() -> Refusal:
    """An access token takes a seat away."""
    detail = "An access token removes no participants. Send the token of a participant, or an API key."
    return Refusal("forbidden", detail)


def role_not_allowed(role: Role) -> Refusal:
    """A higher role than the access token grants."""
    return Refusal("forbidden", f"This access token does not allow the role {role}. Ask for one that it allows.")


def more_than_the_token(grants: list[str]) -> Refusal:
    """A moderator gives more than the access token, or the key, has named at the join."""
    named = ", ".join(grants)
    return Refusal(
        "forbidden", f"The access token of this seat gives less of {named}. Give that much, or send an API key."
    )


def hidden_seat_tells_nothing(grants: list[str]) -> Refusal:
    """A seat is to be hidden, and to send something."""
    named = ", ".join(grants)
    detail = f"A hidden seat only receives, and cannot have the grants {named}. Leave these out, or hidden."
    return Refusal("forbidden", detail)


def signalling_not_granted() -> Refusal:
    """The seat may not send signals."""
    return Refusal("forbidden", "This seat may not send signals. Ask a moderator for the grant.")


def chatting_not_granted() -> Refusal:
    """The seat may not send or edit messages of the chat."""
    return Refusal("forbidden", "This seat may not chat. Ask a moderator for the grant.")


def sharing_not_granted() -> Refusal:
    """The seat may not change the shared state."""
    return Refusal("forbidden", "This seat may not change what is shared. Ask a moderator for the grant signal.")


def moderators_only() -> Refusal:
    """Somebody else's seat, or the session."""
    return Refusal("forbidden", "Only a moderator may do this. Ask one, or send an API key.")


def more_than_own(grants: list[str]) -> Refusal:
    """A participant would have a seat moderate that may do more than itself."""
    named = ", ".join(grants)
    detail = f"Whom a participant lets moderate has no more than itself, and this is more of {named}."
    return Refusal("forbidden", f"{detail} Give less, or send an API key.")


def api_keys_alone_name_identities() -> Refusal:
    """A token, or nobody, says who somebody else is."""
    return Refusal("forbidden", "Only API keys name an identity. An access token says it by its sub.")


def api_keys_alone_name_grants() -> Refusal:
    """A token, or a participant, says what it may do itself."""
    return Refusal("forbidden", "Only API keys name grants at a join. An access token says them by its grants.")


def presence_of_another() -> Refusal:
    """A moderator says how available somebody else is."""
    return Refusal("forbidden", "How available a participant is, it says itself. Ask it to.")


def hand_of_another() -> Refusal:
    """A moderator raises somebody else's hand."""
    return Refusal("forbidden", "Moderators lower hands, and raise none but their own. Ask the participant to.")
