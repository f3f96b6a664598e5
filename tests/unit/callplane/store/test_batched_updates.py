"""Batched updates: one command at a time, and to each how many matched, or that nobody can tell."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from pymongo.errors import OperationFailure

from callplane.contracts.errors import Trouble, Unavailable
from callplane.store.batched_updates import TOGETHER, BatchedUpdates
from callplane.store.mongo.driver import Collection
from callplane.store.mongo.errors import ServerAnswer


class Table:
    """A collection of documents by id: an update matches so many as its number says."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.matching: dict[str, int] = {}
        """Others match one."""
        self.refused: set[str] = set()
        self.away = False

    async def update_repeatable(self, *updates: Any, many: bool = False) -> int:
        """One command; what is not refused has been done, as far as anybody knows."""
        ids = [where["_id"] for where, _ in updates]
        self.commands.append(ids)
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("away")
        if self.refused & set(ids):
            raise ServerAnswer(OperationFailure("no", 2))
        return sum(self.matching.get(id_, 1) for id_ in ids)


async def outcomes(table: Table, ids: Sequence[str], *, many: bool = False) -> list[Any]:
    """Of these, which come while another is under way."""
    updates = BatchedUpdates(cast(Collection, table), many=many)
    each = (updates({"_id": id_}, {}) for id_ in ("first", *ids))
    return (await asyncio.gather(*each, return_exceptions=True))[1:]


async def test_what_comes_meanwhile_goes_together_and_all_matched() -> None:
    table = Table()
    ids = [str(number) for number in range(TOGETHER + 5)]
    assert await outcomes(table, ids) == [1] * len(ids)
    assert [len(one) for one in table.commands] == [1, TOGETHER, 5]


async def test_where_some_matched_nobody_is_told_so_of_its_own() -> None:
    table = Table()
    table.matching = {"b": 0}
    assert await outcomes(table, ["a", "b", "c"]) == [None] * 3
    table.matching = dict.fromkeys("abc", 0)
    assert await outcomes(table, ["a", "b", "c"]) == [0] * 3
    assert await outcomes(table, ["b"]) == [0]


async def test_of_many_documents_only_none_is_known() -> None:
    table = Table()
    table.matching = {"a": 2, "b": 0}
    assert await outcomes(table, ["a", "b"], many=True) == [None] * 2
    assert await outcomes(table, ["a"], many=True) == [2]
    table.matching = {"a": 0, "b": 0}
    assert await outcomes(table, ["a", "b"], many=True) == [0] * 2


async def test_one_that_is_refused_is_nobody_elses_trouble() -> None:
    table = Table()
    table.refused, table.matching = {"b"}, {"c": 0}
    first, refused, unknown = await outcomes(table, ["a", "b", "c"])
    assert (first, unknown) == (1, None), "it may have been done with the others"
    assert isinstance(refused, Trouble)
    assert table.commands == [["first"], ["a", "b", "c"], ["a"], ["b"], ["c"]]


@pytest.mark.parametrize("ids", [["a"], ["a", "b"]])
async def test_a_database_that_is_away_is_so_for_all(ids: list[str]) -> None:
    table = Table()
    table.away = True
    assert [type(one) for one in await outcomes(table, ids)] == [Unavailable] * len(ids)
    assert table.commands == [["first"], ids]
