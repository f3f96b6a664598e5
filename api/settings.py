"""Settings of the API program: one variable ``CALLPLANE_<NAME>`` per field."""

import ipaddress
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode

from callplane.contracts.quotas import Quotas
from callplane.contracts.webhooks import Hosts
from callplane.network import is_loopback
from callplane.program import ProgramSettings

SECRET_BYTES = 32
"""HS256 needs a key at least as long as its hash (RFC 7518, 3.2)."""


class Settings(ProgramSettings):
    """Everything that can be set; parts of the program get slices of it."""

    host: str = Field("127.0.0.1", description="the address to listen on; 0.0.0.0 for every one")
    port: int = Field(8080, ge=0, le=65535, description="the port to listen on; 0 is a free one")
    operator_host: str = Field("127.0.0.1", description="the address of the operators' routes, where they have a port")
    operator_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="a port for operators' routes (media servers, dead letters) alone; none: they are at `port`",
    )
    api_keys: Annotated[dict[str, str], NoDecode] = Field(
        {},
        description="servers that may create and steer calls: name:secret, separated by commas, 32 bytes or more each",
    )
    key_tenants: Annotated[dict[str, str], NoDecode] = Field(
        {},
        description="key:tenant, separated by commas: whose sessions an API key makes and sees; else its own name's; "
        "nothing behind the colon: those of open access, where that is on",
    )
    operator_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="names of the API keys that see all tenants, media servers, dead letters and unreadable documents, "
        "separated by commas; none: every key where all are of one tenant, else no key",
    )
    token_secrets: Annotated[tuple[str, ...], NoDecode] = Field(
        min_length=1,
        description="secrets of participant tokens, separated by commas, 32 bytes or more: the first signs, all verify",
    )
    access_token_seconds: int = Field(
        604_800, ge=60, description="the longest life of an access token, from its `iat`, or from now, to its `exp`"
    )
    open_access: bool = Field(
        False, description="let anybody in without a credential; only where `host` is this machine"
    )
    open_token: str = Field(
        "", description="what open access asks for as bearer token; `callplane up` makes one each time. None: nothing"
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="origins of pages that may use the API from elsewhere, separated by commas"
    )
    ice_servers: tuple[dict[str, Any], ...] = Field(
        (), description="RTCIceServer dictionaries for browsers, a JSON list; see `turn_urls` for TURN"
    )
    turn_urls: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="TURN servers, turn:host:port, separated by commas; each join gets a credential of its own"
    )
    turn_secret: str = Field("", description="the secret that coturn knows as static-auth-secret")
    turn_seconds: int = Field(86_400, ge=60, description="how long a TURN credential is good for")
    command_wait: float = Field(8.0, gt=0, le=60, description="seconds to wait for the outcome of a command")
    drain_delay: float = Field(
        0.3, ge=0, le=30, description="seconds to go on serving after SIGTERM, so that who asks once more is answered"
    )
    rate_requests: float = Field(
        50, ge=0, le=1e6, description="requests a second of one caller on one pod, ten times that at once; 0: no bound"
    )
    rate_candidates: float = Field(
        200, ge=0, le=1e6, description="the same for its requests that bring candidates, counted apart"
    )
    rate_signals: float = Field(100, ge=0, le=1e6, description="the same for its signals")
    rate_deliveries: float = Field(
        500,
        ge=0,
        le=1e6,
        description="the same for its signals' deliveries, each 2 KiB to each reader; four times that for a session",
    )
    rate_polls: float = Field(200, ge=0, le=1e6, description="the same for its polls, streams and tickets")
    rate_keys: float = Field(1000, ge=0, le=1e6, description="the same for all that is asked with one API key")
    quota_sessions: int = Field(
        0, ge=0, description="open sessions a tenant may have, if none are set for it; 0: no bound"
    )
    quota_seats: int = Field(0, ge=0, description="seats that a tenant may have taken in all its sessions; 0: no bound")
    quota_requests: float = Field(
        0, ge=0, le=1e6, description="requests a second of a tenant on one pod, ten times that at once"
    )
    quota_deliveries: float = Field(
        0, ge=0, le=1e6, description="the same for the deliveries of signals in its sessions"
    )
    quota_identity_sessions: int = Field(
        0, ge=0, description="open sessions that one identity may have made by access tokens; 0: no bound"
    )
    quota_identity_seats: int = Field(
        0, ge=0, description="seats that one identity may have taken at once; 0: no bound"
    )
    quota_identity_requests: float = Field(
        0, ge=0, le=1e6, description="requests a second of one identity on one pod, with all its tokens and seats"
    )
    quota_identity_deliveries: float = Field(0, ge=0, le=1e6, description="the same for the deliveries of its signals")
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="networks of proxies in front, like 10.0.0.0/8, separated by commas: their `X-Forwarded-For`, or "
        "`Forwarded` where there is none, says where a request comes from, so they have to set it",
    )
    max_connections: int = Field(
        10_000, ge=1, description="connections at once of one pod; idle ones make room, and then it answers 503"
    )
    shed_lag: float = Field(
        1.0,
        ge=0,
        le=60,
        description="seconds that the event loop is late, three looks in a row, from which on a pod refuses new "
        "connections (503); from 1.5 times that on volatile signals, from twice on all signals; 0: never",
    )
    webhook_hosts: Hosts = Field(
        "public", description="where webhooks may go: https to the internet, also to this machine, or private networks"
    )
    webhook_days: int = Field(
        30, ge=4, le=3650, description="how long deliveries can be read and replayed; the webhook program as well"
    )
    events: bool = Field(
        True, description="publish what is refused to the exchange `events`; wrappers publish what happens"
    )
    drain_wait: float = Field(1.0, ge=0, le=60, description="seconds that a command may still take after SIGTERM")

    @field_validator("operator_keys", "token_secrets", "cors_origins", "turn_urls", "trusted_proxies", mode="before")
    @classmethod
    def _comma_list(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        try:
            for network in networks:
                ipaddress.ip_network(network)
        except ValueError:
            raise ValueError("every entry is a network, such as 10.0.0.0/8") from None
        return networks

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

    @field_validator("key_tenants", mode="before")
    @classmethod
    def _names_and_tenants(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [part.strip().partition(":") for part in value.split(",") if part.strip()]
        if not all(name and colon for name, colon, _ in pairs):
            raise ValueError("every entry is written key:tenant")
        return {name: tenant for name, _, tenant in pairs}

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
    def _keys_are_there(self) -> "Settings":
        if strangers := sorted({*self.key_tenants, *self.operator_keys} - self.api_keys.keys()):
            raise ValueError(f"CALLPLANE_API_KEYS has no key with the name {strangers[0]}, which another setting names")
        if not (self.open_access or all(self.key_tenants.values())):
            raise ValueError("CALLPLANE_KEY_TENANTS names no tenant for a key, and there is no open access")
        return self

    @property
    def quotas(self) -> Quotas:
        """What a tenant is given for which nobody has set anything else."""
        said = {name: getattr(self, name) for name in type(self).model_fields if name.startswith("quota_")}
        return Quotas.model_validate({name.removeprefix("quota_"): bound for name, bound in said.items()})

    def tenant_of(self, key: str) -> str:
        """The tenant of an API key."""
        return self.key_tenants.get(key, key)

    @property
    def operators(self) -> frozenset[str]:
        """The API keys that are operators': a deployment of one tenant needs to name none."""
        alone = len({self.tenant_of(key) for key in self.api_keys}) == 1
        return frozenset(self.operator_keys or (self.api_keys if alone else ()))

    @model_validator(mode="after")
    def _turn_has_a_secret(self) -> "Settings":
        if self.turn_urls and not self.turn_secret:
            raise ValueError("CALLPLANE_TURN_URLS needs CALLPLANE_TURN_SECRET, which coturn knows as well")
        if not all(url.startswith(("turn:", "turns:")) for url in self.turn_urls):
            raise ValueError("CALLPLANE_TURN_URLS holds turn:host:port and turns:host:port, separated by commas")
        return self

    @model_validator(mode="after")
    def _open_only_at_home(self) -> "Settings":
        if self.open_access and not is_loopback(self.host):
            raise ValueError("open access is only for a host that is this machine itself, 127.0.0.1 or ::1")
        return self
