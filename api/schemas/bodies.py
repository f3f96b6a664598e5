"""Bases of request bodies: strict fields, free JSON that can be stored, times in UTC."""

import math
import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from callplane.contracts import bounds
from callplane.contracts.model import Body
from callplane.contracts.refusals.requests import metadata_too_large
from callplane.store.free_json import stored_size


def finite(value: Any) -> Any:
    """NaN and Infinity, which Python's parser lets pass, are not JSON (RFC 8259, 6): nobody could read them back."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("holds a number that JSON cannot write")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        finite(item)
    return value


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    """Its own refusal, for its JSON is not too long: small numbers are what takes more room as BSON."""
    if stored_size(value) > bounds.METADATA_STORED_BYTES:
        raise metadata_too_large()
    return value


_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)


def _date_time(value: Any) -> Any:
    """RFC 3339 alone, in JSON as in the description: not the numbers and lone dates that pydantic takes as well."""
    if value is not None and not (isinstance(value, str) and _DATE_TIME.fullmatch(value)):
        raise ValueError("is no date-time of RFC 3339 with its offset")
    return value


def _in_utc(value: datetime) -> datetime:
    """In milliseconds, as BSON keeps it. What lies in no year of four digits nobody could read back."""
    try:
        utc = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies in no year from 1 to 9999 of UTC") from None
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


DateTime = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_date_time), AfterValidator(_in_utc)]
Metadata = Annotated[bounds.Metadata, AfterValidator(finite), AfterValidator(_storable)]
Data = Annotated[Any, bounds.at_most(bounds.SIGNAL_DATA_BYTES), AfterValidator(finite)]
Sdp = Annotated[str, bounds.text_bytes(bounds.BODY_BYTES)]
CandidateText = Annotated[str, bounds.text_bytes(bounds.CANDIDATE_BYTES)]
Mid = Annotated[str, StringConstraints(max_length=256), AfterValidator(bounds.no_lone_surrogates)]


class Strict(Body):
    """A body in which ``"5"`` is no number and ``1`` no truth value."""

    model_config = ConfigDict(strict=True)

    @model_validator(mode="before")
    @classmethod
    def _known_fields(cls, value: Any) -> Any:
        """One error for all the fields that it does not have: pydantic makes one of each."""
        if isinstance(value, dict) and len(value) > len(cls.model_fields):
            unknown = next(name for name in value if name not in cls.model_fields)
            raise ValueError(f"there is no field {str(unknown)[:64]!r}")
        return value


class PatchBody(Strict):
    """A PATCH body: it changes the fields that it names, and names at least one."""

    @model_validator(mode="after")
    def _something(self) -> "PatchBody":
        if not self.model_fields_set:
            raise ValueError("there is nothing to change")
        return self

    def changes(self) -> dict[str, Any]:
        """The fields that were named, with their new values."""
        return self.model_dump(exclude_unset=True)
