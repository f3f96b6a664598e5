"""Models: the bases of everything that travels, strict for what callers send, lenient between our processes.

The string below a field is its description, in the OpenAPI document and on docs/messages.md.
"""

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """The base of what an HTTP caller sends: an unknown field is refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Wire(BaseModel):
    """The base of what travels or lies in documents: unknown fields are ignored, for N and N+1 run together."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)
