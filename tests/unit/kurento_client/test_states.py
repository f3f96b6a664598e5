from kurento_client import AttemptFailed, Connected, ConnectionChange, Lost


def word(state: ConnectionChange) -> str:
    match state:
        case Connected(server_id=id, same_process=False):
            return f"new {id}"
        case Connected():
            return "again"
        case Lost(reason=reason):
            return reason
        case AttemptFailed(refused=True):
            return "down"
        case AttemptFailed(down_for=seconds):
            return f"silent for {seconds:g}"


def test_an_owner_tells_states_apart_by_matching() -> None:
    states: list[ConnectionChange] = [
        Connected("k", "s", same_process=False, same_session=False),
        Lost("cut"),
        AttemptFailed(refused=False, since=10.0, down_for=2.0, reason=""),
        AttemptFailed(refused=True, since=10.0, down_for=2.5, reason=""),
        Connected("k", "s", same_process=True, same_session=True),
    ]
    assert [word(each) for each in states] == ["new k", "cut", "silent for 2", "down", "again"]
