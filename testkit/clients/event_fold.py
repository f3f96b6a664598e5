"""Event fold: the snapshot of a session, made of the events that brought it there."""

from typing import Any

from callplane.contracts.grants import granted
from callplane.contracts.shapes import GrantChanges, ParticipantView, SessionView


def folded(shown: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    """The snapshot (as JSON) after one event, which has to be the next."""
    assert event["sessionversion"] == shown["version"] + 1, "no version is left out"
    people = {one["id"]: one for one in shown["participants"]}
    shown = {**shown, "version": event["sessionversion"]}
    data = event["data"]
    match event["type"]:
        case "session-updated":
            shown |= data["changes"]
        case "session-closed":
            told = {name: data[name] for name in ("closed_at", "peak_participants", "participant_minutes")}
            shown |= {"status": "closed", "closed_because": data["reason"], **told}
        case "media-lost":
            shown["epoch"] = data["epoch"]
            people = {who: {**one, "streams": []} for who, one in people.items()}
        case "media-ready":
            pass
        case "state-changed":
            shown["state"] = shared_then(shown["state"], data, shown["version"])
        case "participants-muted":
            muted = {"muted": dict.fromkeys(data["media"], True)}
            people = {who: one if who in data["but"] else _changed(one, muted) for who, one in people.items()}
        case _:
            _participant(people, event["type"], data)
    return SessionView.model_validate({**shown, "participants": list(people.values())}).model_dump(mode="json")


def shared_then(state: dict[str, Any], data: dict[str, Any], version: int) -> dict[str, Any]:
    """The shared state after a change of one key, which made this version."""
    others = {key: entry for key, entry in state.items() if key != data["key"]}
    value = data["value"]
    return others if value is None else {**others, data["key"]: {"value": value, "version": version}}


def _participant(people: dict[str, Any], type_: str, data: dict[str, Any]) -> None:
    who = data["participant"]["id"] if "participant" in data else data["participant_id"]
    match type_:
        case "participant-joined":
            people[who] = data["participant"]
        case "participant-left":
            del people[who]
        case "participant-updated":
            people[who] = _changed(people[who], data["changes"])
        case "participant-reconnecting" | "participant-reconnected":
            people[who] = {**people[who], "state": "joined" if type_.endswith("ed") else "reconnecting"}
        case "stream-published":
            stream = {name: data[name] for name in ("connection_id", "media", "source")}
            people[who] = {**people[who], "streams": [*people[who]["streams"], stream]}
        case "stream-unpublished":
            rest = [one for one in people[who]["streams"] if one["connection_id"] != data["connection_id"]]
            people[who] = {**people[who], "streams": rest}
        case other:
            raise AssertionError(other)


def _changed(shown: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    after = dict(shown)
    for name, value in changes.items():
        match name:
            case "muted":
                after["muted"] = {**shown["muted"], **value}
            case "hand_raised_at" if value is not None and shown["hand_raised_at"] is not None:
                pass  # raised again it keeps its time
            case "stream":
                new = {field: value[field] for field in ("connection_id", "media", "source")}
                after["streams"] = [
                    new if one["connection_id"] == value["replaces"] else one for one in shown["streams"]
                ]
            case "grants":
                given = GrantChanges.model_validate(value)
                if "role" in changes or shown["grants"] is None:
                    after["grants"] = granted(changes.get("role", shown["role"]), given).model_dump(mode="json")
                else:
                    after["grants"] = {**shown["grants"], **given.model_dump(mode="json", exclude_none=True)}
            case _:
                after[name] = value
    if "role" in changes and "grants" not in changes:
        after["grants"] = None
    return ParticipantView.model_validate(after).model_dump(mode="json")
