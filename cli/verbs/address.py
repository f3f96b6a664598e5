"""Address of a verb: where the API is and who asks, by options, profiles and the environment."""

import argparse
import os
from urllib.parse import urlsplit

from cli.profiles import Profile, Profiles
from cli.verbs.server import Failed

DEFAULT_URL = "http://127.0.0.1:8080"


def whom(given: argparse.Namespace) -> tuple[str, str | None]:
    """The address and the key. Raises Failed.

    A profile that is named comes before the environment, and the default one behind it: its key goes to its own address
    and to no other that somebody names.
    """
    variable = "CALLPLANE_URL"
    if given.operators and os.environ.get("CALLPLANE_OPERATOR_URL"):
        variable = "CALLPLANE_OPERATOR_URL"
    profile = _profile(given, variable)
    key: str | None = given.api_key or (profile and profile.api_key) or os.environ.get("CALLPLANE_API_KEY") or None
    if key is not None and not (key.isascii() and key.isprintable()):
        # Said here: what refuses the header would show the key.
        raise Failed("the API key holds characters that no header can carry", 2)
    if profile is not None:
        return (given.operators and profile.operator_url) or profile.url, key
    try:
        return given.url or given.place or http_url(os.environ.get(variable) or DEFAULT_URL), key
    except argparse.ArgumentTypeError as wrong:
        raise Failed(f"{variable}: {wrong}", 2) from None


def _profile(given: argparse.Namespace, variable: str) -> Profile | None:
    """The one that is meant, if any."""
    if given.url or given.place:
        return None
    name = given.profile or os.environ.get("CALLPLANE_PROFILE")
    if not name and os.environ.get(variable):
        return None
    profiles = Profiles.read()
    name = name or profiles.default
    return profiles.named(name) if name else None


def http_url(text: str) -> str:
    """An address that an option or a variable has given. Raises ArgumentTypeError."""
    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and "@" not in text
    except ValueError:
        fits = False
    if not fits:
        raise argparse.ArgumentTypeError(f"{text!r} is no http:// or https:// address (without a user)")
    return text
