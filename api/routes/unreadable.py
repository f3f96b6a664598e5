"""Unreadable documents over HTTP: list and remove what no program can read of the database."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth.permissions import Permissions
from api.dependencies import SCHEMES, ApiRequest, allowed
from api.http.openapi import problems
from api.schemas.responses import UnreadableList
from api.services import provided
from callplane.contracts.refusals.operators import document_not_found, document_readable
from callplane.contracts.refusals.requests import cursor_not_valid
from callplane.store.unreadable import UnreadableDocuments

router = APIRouter(tags=["unreadable documents"], dependencies=SCHEMES, prefix="/unreadable-documents")

CollectionPath = Annotated[str, Path(max_length=64, description="the collection that it lies in")]
KeyPath = Annotated[str, Path(max_length=4096, description="the document's key, as the list shows it")]
Cursor = Annotated[str | None, Query(max_length=4096, description="`next` of the page before")]
OperatorRequest = Annotated[ApiRequest, allowed(Permissions.operate)]
Documents = Annotated[UnreadableDocuments, provided("unreadable_documents")]


@router.get("", summary="List unreadable documents", responses=problems("not-found"))
async def list_documents(request: OperatorRequest, documents: Documents, cursor: Cursor = None) -> UnreadableList:
    """Those among the next thousand documents, which may be none; `next` is null on the last page."""
    request.permit(Permissions.operate)
    try:
        page = await documents.page(bytes.fromhex(cursor) if cursor else None)
    except ValueError:
        raise cursor_not_valid() from None
    return UnreadableList(documents=page.documents, next=page.next.hex() if page.next else None)


@router.delete(
    "/{collection}/{key}",
    status_code=204,
    summary="Remove an unreadable document",
    responses=problems("not-found", "wrong-state"),
)
async def remove(collection: CollectionPath, key: KeyPath, request: OperatorRequest, documents: Documents) -> None:
    """Delete it; a session is closed, so that everything that it had goes as well."""
    request.permit(Permissions.operate)
    await request.require_connected()
    try:
        raw = bytes.fromhex(key)
    except ValueError:
        raise document_not_found() from None
    match await documents.remove(collection, raw):
        case "readable":
            raise document_readable()
        case "unknown":
            raise document_not_found()
