"""The two bases of everything that travels: strict for what callers send, lenient between our processes."""

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """What an HTTP caller sends: an unknown field is refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Wire(BaseModel):
    """What travels on the bus or lies in a document: unknown fields are ignored, for N and N+1 run together."""

    model_config = ConfigDict(frozen=True, extra="ignore")
