"""API keys over HTTP: what is asked for one, and what is shown of it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from api.schemas.bodies import Strict
from api.schemas.responses import View
from callplane.store.api_keys import ApiKey

KEY_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
KeyName = Annotated[str, StringConstraints(pattern=KEY_NAME)]


class KeyBody(Strict):
    """Of ``POST /keys``."""

    name: KeyName = Field(description="what it is called; no other key has it")
    tenant: KeyName | None = Field(default=None, description="whose sessions it makes and sees; else its own name's")
    operator: bool = Field(default=False, description="whether it sees all tenants and what serves all of them")


class RotateBody(Strict):
    """Of ``POST /keys/{name}/rotate``."""

    overlap: int = Field(default=3600, ge=0, le=2_592_000, description="seconds for which the secrets before stay good")


class KeyView(View):
    """An API key of the database."""

    name: str
    """what it is called"""
    tenant: str
    """whose sessions it makes and sees"""
    operator: bool
    """whether it sees all tenants and what serves all of them"""
    created_at: datetime
    """when it was made"""
    ending: list[datetime]
    """when each secret of before a rotation ends, or has ended"""


class NewKeyView(KeyView):
    """A key with a secret that was just made; it is shown this once and nowhere kept."""

    secret: str
    """send it as `X-API-Key`"""


class KeyList(View):
    """The keys of the database; those of settings are not among them."""

    keys: list[KeyView]
    """by name"""


def shown(key: ApiKey) -> dict[str, object]:
    """A key as it is shown."""
    ending = [one.until for one in key.secrets if one.until is not None]
    return {**key.model_dump(include={"name", "tenant", "operator", "created_at"}), "ending": ending}
