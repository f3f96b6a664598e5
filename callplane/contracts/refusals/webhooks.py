"""Webhook refusals: endpoints and deliveries that are not there, and what an endpoint may not be."""

from callplane.contracts.errors import Refusal


def webhook_not_found() -> Refusal:
    """Nothing of the caller's tenant has this id."""
    return Refusal("not-found", "There is no such webhook. List them for their ids.")


def delivery_not_found() -> Refusal:
    """The endpoint has had nothing under this id, or it is not kept any more."""
    return Refusal("not-found", "There is no such delivery. List those of the webhook for their ids.")


def webhook_url_not_valid(why: str) -> Refusal:
    """Nothing is ever sent there."""
    told = " ".join(why.split()).rstrip(".")
    return Refusal("invalid", f"The url of a webhook cannot be used, for it {told}. Name a public https:// address.")


def webhook_secret_not_valid(why: str) -> Refusal:
    """Nothing could be signed with it, or too many could guess it."""
    told = f"The secret of a webhook cannot be used, for it {' '.join(why.split()).rstrip('.')}."
    return Refusal("invalid", f"{told} Send whsec_ and the base64 of 24 to 64 random bytes, or leave it out.")


def webhooks_too_many(limit: int) -> Refusal:
    """The tenant has as many as it may."""
    return Refusal("wrong-state", f"A tenant has at most {limit} webhooks. Remove one first.")


def webhook_disabled() -> Refusal:
    """Nothing is sent to it."""
    return Refusal("wrong-state", "This webhook is disabled. Make it active first.")
