"""Trials of the crowd: pairs, changes of what others see, connections that end, clients that do not read."""

import asyncio
import json
from time import perf_counter
from typing import Any

from bench.messages.asking import request
from bench.messages.crowd import Crowd, Seat
from bench.messages.sending import Senders, Sent

BACK_WITHIN = 120.0
DROPPED_AFTER, NOTICED_WITHIN = 1.0, 10.0
ALL_ENDED_AFTER = 0.5
"""The ends of connections come within so long of the first."""


class Trials:
    """Answers with figures, as senders do."""

    def __init__(self, crowd: Crowd, senders: Senders) -> None:
        self._crowd, self._senders = crowd, senders

    async def pairs(self, count: int) -> dict[str, Any]:
        """The first seat of the first room to the second one, one signal after the other."""
        sent, (first, second) = Sent(), self._crowd.seats[:2]
        for _ in range(count):
            number, mark = first.room.mark(first.number, perf_counter(), readers=1)
            await self._senders.put(first, number, self._senders.signal(first, number, mark, second.id), sent)
            await self._crowd.until(lambda number=number: not first.room.left[number], 5.0, every=0.001)  # type: ignore[misc]
        return await self._senders.figures(sent)

    async def changes(self, rate: float, seconds: float) -> dict[str, Any]:
        """So many changes a second in all, of one person after the other; each shows in an event to the room."""
        sent, seats = Sent(), self._crowd.seats
        rooms = len(self._crowd.rooms)
        each = len(seats) // rooms
        began = perf_counter() + 0.05
        async with asyncio.TaskGroup() as group:
            for number in range(int(rate * seconds)):
                due = began + number / rate
                await asyncio.sleep(max(0.0, due - perf_counter()))
                seat = seats[(number * each + number // rooms) % len(seats)]
                group.create_task(self._change(seat, due, sent))
        return await self._senders.figures(sent)

    async def _change(self, seat: Seat, due: float, sent: Sent) -> None:
        number, mark = seat.room.mark(seat.number, due)
        path, headers = (
            f"/v1/sessions/{seat.room.session}/participants/{seat.id}",
            {"Authorization": f"Bearer {seat.token}"},
        )
        body = json.dumps({"presence": {"show": "away", "status": mark}}).encode()
        await self._senders.put(seat, number, request("PATCH", path, headers, body), sent)

    async def dropped(self, rate: float, seconds: float) -> dict[str, Any]:
        """Drop every connection at once while messages are sent; how long until all read again."""
        return await self._back(rate, seconds, drop=True)

    async def left(self, rate: float, seconds: float) -> dict[str, Any]:
        """Wait, while messages are sent, for connections that end; how long until all read again."""
        return await self._back(rate, seconds, drop=False)

    async def deaf(self, one_in: int) -> dict[str, Any]:
        """Have one client of so many not read from now on; nothing more is owed to them. 0: all of them read."""
        chosen = range(0, len(self._crowd.seats), one_in) if one_in else ()
        for number in chosen:
            seat = self._crowd.seats[number]
            if seat.door is not None:
                seat.door.stop_reading()
            seat.room.readers -= 1
        return {"deaf": len(chosen)}

    async def _back(self, rate: float, seconds: float, drop: bool) -> dict[str, Any]:
        crowd = self._crowd
        crowd.ended_at = 0.0
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(self._senders.paced(rate, seconds))
            if drop:
                await asyncio.sleep(DROPPED_AFTER)
                crowd.drop_doors()
            noticed = await crowd.until(lambda: crowd.ended_at > 0, NOTICED_WITHIN)
            await asyncio.sleep(ALL_ENDED_AFTER)
            came_back = noticed and await crowd.until(crowd.all_open, BACK_WITHIN)
        return {**sending.result(), "back_seconds": crowd.opened_at - crowd.ended_at if came_back else -1.0}
