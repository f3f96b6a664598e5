"""A token names a place and comes back as it; whatever else a client says is no place."""

import pytest

from callplane.store.log.place import Place


@pytest.mark.parametrize("place", [Place(), Place(1, 0), Place(0, 7), Place(999_999_999_999, 12)])
def test_a_token_comes_back_as_its_place(place: Place) -> None:
    assert Place.parse(place.token()) == place


@pytest.mark.parametrize(
    "token", [None, "", ".", "1", "1.", ".1", "-1.2", "1.2.3", " 1.2", "1.2\n", "٣.٤", "1e3.1", "1" * 13 + ".1"]
)
def test_anything_else_is_no_place(token: str | None) -> None:
    assert Place.parse(token) is None
