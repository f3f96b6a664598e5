"""Bodies of client reports: that one was asked for, the client's answer, and what is read of it."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from api.schemas.bodies import Strict, finite
from api.schemas.responses import View
from callplane.contracts import bounds

_REPORT: dict[str, Any] = {
    "at": "2026-01-05T09:30:00Z",
    "agent": "Mozilla/5.0 …",
    "session": {"transport": "websocket", "state": "connected"},
    "connections": [{"id": "c56a4180-65aa-52ec-a945-5fd21dec0538", "kind": "publish", "rtt_ms": 12}],
}


class ReportAnswerBody(Strict):
    """Of ``POST …/report/answer``: which question, and what the client knows."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")] = Field(
        description="the question's, as the signal has named it"
    )
    report: Annotated[dict[str, Any], bounds.at_most(bounds.REPORT_BYTES), AfterValidator(finite)] = Field(
        description="what it knows, without tokens and credentials"
    )


class ReportAsked(View):
    """The question is on its way; its answer is read by GET."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "01980000-0000-7000-8000-000000000000"}]})

    id: str = Field(description="of the question")


class ReportView(View):
    """What a client was asked last, and what it has answered last."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"asked_at": "2026-01-05T09:30:00Z", "answered_at": "2026-01-05T09:30:01Z", "report": _REPORT}]
        }
    )

    asked_at: datetime = Field(description="when it was asked last")
    answered_at: datetime | None = Field(description="when it has answered last; null: it has not")
    report: dict[str, Any] | None = Field(description="what it has said then, in its own words")
