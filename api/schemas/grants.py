"""Bodies of grants: what a seat may do, as a change names it, and as a join or an access token does."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from api.schemas.bodies import PatchBody
from callplane.contracts.grants import telling
from callplane.contracts.shapes import GrantChanges, Source


def _each_once(sources: list[Source]) -> list[Source]:
    return list(dict.fromkeys(sources))


Sources = Annotated[list[Source], Field(max_length=16), AfterValidator(_each_once)]


class _Grants(PatchBody):
    publish: Sources = Field(default=[], description="which sources it may send; none: nothing")
    subscribe: bool = Field(default=True, description="whether it may receive streams")
    signal: bool = Field(default=True, description="whether it may send signals other than `chat`")
    chat: bool = Field(default=True, description="whether it may send signals of type `chat`, and edit its own")
    moderate: bool = Field(default=False, description="whether it may do what a moderator may")


class GrantsBody(_Grants):
    """What a seat may do otherwise than its role has it; what is not named stays."""

    @model_validator(mode="before")
    @classmethod
    def _stays_in_sight(cls, value: Any) -> Any:
        if isinstance(value, dict) and "hidden" in value:
            raise ValueError("says hidden, which a join says and nothing changes: leave, and join again")
        return value


class JoinGrantsBody(_Grants):
    """The same, of a seat that is not taken yet, which may be hidden; a hidden one only receives."""

    hidden: bool = Field(
        default=False, description="whether only API keys and moderators see it; it sends nothing, and stays as it is"
    )

    @model_validator(mode="after")
    def _tells_nothing(self) -> "JoinGrantsBody":
        if self.hidden and (more := telling(GrantChanges(**self.changes()))):
            raise ValueError(f"a hidden seat only receives, and cannot have {', '.join(more)}")
        return self
