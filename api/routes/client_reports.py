"""Client reports over HTTP: a server asks what a participant's client knows, the client answers, the server reads."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter

from api.auth.permissions import Permissions
from api.dependencies import SCHEMES, ApiRequest, allowed
from api.dispatch.signals import Signals
from api.guarded_route import GuardedRoute
from api.http.openapi import SEAT_PROBLEMS, problems
from api.routes.participants import ParticipantPath
from api.routes.sessions import SessionPath
from api.schemas.client_reports import ReportAnswerBody, ReportAsked, ReportView
from api.services import provided
from callplane.contracts.ids import new_id
from callplane.contracts.messages import Message
from callplane.contracts.refusals.sessions import report_not_asked
from callplane.store.client_reports import ClientReports

ASKED = "callplane.report"
"""The type of the signal that asks; from nobody, as signals of servers are, and seats can send none of those."""
READ_WITHIN = timedelta(seconds=10)
"""On logs it is for who reads now: later nobody waits for the answer."""

router = APIRouter(
    tags=["participants"],
    route_class=GuardedRoute,
    dependencies=SCHEMES,
    prefix="/sessions/{session_id}/participants/{participant_id}/report",
)

Stored = Annotated[ClientReports, provided("client_reports")]
Reader = Annotated[ApiRequest, allowed(Permissions.diagnose)]


@router.post(
    "", status_code=202, summary="Ask a client for a report", responses=problems("not-found", "session-closed")
)
async def ask(
    session_id: SessionPath,
    participant_id: ParticipantPath,
    request: Annotated[ApiRequest, allowed(Permissions.ask_client)],
    reports: Stored,
    signals: Annotated[Signals, provided("signals")],
) -> ReportAsked:
    """Have a participant's client say what it knows of its media, which is then read by GET.

    A client of our browser SDK answers within a second or two, if its page is awake; others, and those of the version
    before, do not.
    """
    signals.require_room(volatile=True)
    roster = await request.permit(Permissions.ask_client, session_id, participant_id)
    question = new_id()
    await reports.ask(session_id, participant_id, question)
    data = {"from": None, "type": ASKED, "data": {"id": question}}
    message = Message(id=new_id(), type="signal", session_id=session_id, at=request.now(), data=data)
    await signals.send(roster, message, [participant_id], request.now() + READ_WITHIN)
    return ReportAsked(id=question)


@router.get("", summary="Read a client's report", responses=problems("not-found"))
async def read_report(
    session_id: SessionPath, participant_id: ParticipantPath, request: Reader, reports: Stored
) -> ReportView:
    """What its client has answered last, for ten minutes after the question; `report` is null until it has."""
    await request.permit(Permissions.diagnose, session_id)
    found = await reports.find(session_id, participant_id)
    if found is None:
        raise report_not_asked()
    return ReportView(asked_at=found.asked_at, answered_at=found.answered_at, report=found.report)


@router.post("/answer", status_code=204, summary="Answer with a report", responses=problems(*SEAT_PROBLEMS))
async def answer(
    session_id: SessionPath,
    participant_id: ParticipantPath,
    body: ReportAnswerBody,
    request: Annotated[ApiRequest, allowed(Permissions.seat)],
    reports: Stored,
) -> None:
    """By the participant's own client, once, to a question that is not a minute old."""
    _, seat = await request.permit(Permissions.seat, session_id)
    own = seat.id == participant_id
    if not own or not await reports.answer(session_id, participant_id, body.id, body.report):
        raise report_not_asked()
