"""What the API program reads from its environment: one variable ``CALLPLANE_<NAME>`` per field."""

import ipaddress
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

SECRET_BYTES = 32
"""HS256 needs a key at least as long as its hash (RFC 7518, 3.2)."""


class Settings(BaseSettings):
    """Everything that can be set; parts of the program get slices of it."""

    model_config = SettingsConfigDict(env_prefix="CALLPLANE_", extra="ignore", frozen=True)

    amqp_url: str = "amqp://guest:guest@127.0.0.1:5672/"
    mongo_url: str = "mongodb://127.0.0.1:27017/?replicaSet=rs0"
    mongo_database: str = "callplane"
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    api_keys: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)
    token_secrets: Annotated[tuple[str, ...], NoDecode] = Field(min_length=1)
    open_access: bool = False
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    ice_servers: tuple[dict[str, Any], ...] = ()
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    command_wait: float = Field(default=8.0, gt=0, le=60)
    drain_delay: float = Field(default=0.3, ge=0, le=30)
    drain_wait: float = Field(default=1.0, ge=0, le=60)

    @field_validator("token_secrets", "cors_origins", mode="before")
    @classmethod
    def _comma_list(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("api_keys", mode="before")
    @classmethod
    def _names_and_secrets(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [part.strip().partition(":") for part in value.split(",") if part.strip()]
        if not all(name and secret for name, _, secret in pairs):
            raise ValueError("every key is written name:secret")
        if len({name for name, _, _ in pairs}) < len(pairs):
            raise ValueError("two keys have the same name")
        return {name: secret for name, _, secret in pairs}

    @field_validator("token_secrets")
    @classmethod
    def _long_enough(cls, secrets: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(secret.encode()) < SECRET_BYTES for secret in secrets):
            raise ValueError(f"every token secret needs at least {SECRET_BYTES} bytes")
        return secrets

    @field_validator("api_keys")
    @classmethod
    def _keys_long_enough(cls, keys: dict[str, str]) -> dict[str, str]:
        if any(len(secret.encode()) < SECRET_BYTES for secret in keys.values()):
            raise ValueError(f"every key's secret needs at least {SECRET_BYTES} bytes")
        return keys

    @model_validator(mode="after")
    def _open_only_at_home(self) -> "Settings":
        if self.open_access and not is_loopback(self.host):
            raise ValueError("open access is only for a host that is this machine itself, 127.0.0.1 or ::1")
        return self


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach a listener on ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def mistakes(error: ValidationError) -> list[str]:
    """One sentence per mistake, naming the variable and never showing its value."""
    sentences = []
    for item in error.errors(include_url=False, include_input=False):
        name = "_".join(["CALLPLANE", *(str(part).upper() for part in item["loc"][:1])]) if item["loc"] else ""
        what = "is not set" if item["type"] == "missing" else item["msg"].removeprefix("Value error, ")
        sentences.append(f"{name}: {what}." if name else f"{what[0].upper()}{what[1:]}.")
    return sentences
