"""Disturbance scenarios: idle clients, all dropped, a pod killed, presence that changes, clients that do not read."""

import asyncio

from bench.messages.doors import DoorName
from bench.messages.report import CPU, FAULTS, PODS, Table, costs, faults, milliseconds
from bench.messages.run import Run, seated
from bench.messages.stage import QUIET_SECONDS, Measured, Stage

BACK = "CPU ms a client (pods, wrappers, broker, database)"
SETTLE_SECONDS = 3.0
"""What joins leave to do is done by then, and garbage of it collected."""


async def idle(run: Run) -> None:
    """Memory and CPU of clients that wait: what more of them make more."""
    options = run.options
    columns = ("door", "who", "clients", "KiB each (pods, wrappers, broker, database)", "CPU µs each a second")
    table = Table(f"Idle clients in rooms of {run.people}", columns)

    async def play(stage: Stage, door: DoorName) -> None:
        await seated(stage, door, 1, run.people)  # what the first ones cost once
        await asyncio.sleep(SETTLE_SECONDS)
        before = await stage.memory()
        await seated(stage, door, options.rooms, run.people)
        await asyncio.sleep(SETTLE_SECONDS)
        after, count = await stage.memory(), options.rooms * run.people
        began = stage.used()
        await asyncio.sleep(options.seconds)
        ended = stage.used()
        parts = [part for part in PODS if part in stage.parts]
        sizes = [(after[part] - before[part]) / 1024 / count for part in parts]
        cpu = sum(ended[part].cpu - began[part].cpu for part in parts) / options.seconds / (count + run.people) * 1e6
        each = f"{sum(sizes):.1f} ({', '.join(f'{size:.1f}' for size in sizes)})"
        table.row(door, stage.name, count, each, f"{cpu:.0f}")

    await run.each(play)


async def dropped(run: Run) -> None:
    """Every connection ends at once while messages are sent; all open again and have everything."""
    table = Table("Everybody dropped at once", ("door", "who", "clients", "all back in s", BACK, FAULTS))

    async def play(stage: Stage, door: DoorName) -> None:
        await seated(stage, door, run.options.rooms, run.people)
        found = await stage.measure("dropped", rate=run.options.rate, seconds=run.options.seconds)
        table.row(door, stage.name, *_back(run, found))

    await run.each(play, bare=False)


async def killed(run: Run) -> None:
    """One of two pods gets SIGKILL while messages are sent; its readers go on at the other one."""
    table = Table("A pod killed", ("door", "who", "clients of it", "all back in s", BACK, FAULTS))

    async def play(stage: Stage, door: DoorName) -> None:
        assert stage.programs is not None
        await seated(stage, door, run.options.rooms, run.people)
        victim, after = stage.programs.apis[-1], QUIET_SECONDS + 1.0
        async with asyncio.TaskGroup() as group:
            running = group.create_task(stage.measure("left", rate=run.options.rate, seconds=run.options.seconds))
            await asyncio.sleep(after)
            stage.used()  # what it has used until now
            await victim.kill()
        count, back, *rest = _back(run, running.result())
        table.row(door, stage.name, int(count) // 2, back, *rest)

    await run.each(play, bare=False, pods=2)


def _back(run: Run, found: Measured) -> tuple[str, ...]:
    clients, figures = run.options.rooms * run.people, found.figures
    used = [found.costs[part].cpu / clients * 1000 for part in PODS if part in found.costs]
    each = f"{sum(used):.1f} ({', '.join(f'{part:.2f}' for part in used)})"
    return str(clients), f"{figures['back_seconds']:.2f}", each, faults(figures)


async def presence(run: Run) -> None:
    """People change what others see of them: each change is one event for everybody in the room."""
    options = run.options
    title = f"{options.rooms} rooms of {run.people}, {options.rate:g} changes/s in all"
    columns = ("door", "who", "last member p50 / p99 ms", "events/s", CPU, "KiB a person", FAULTS)
    table = Table(title, columns)

    async def play(stage: Stage, door: DoorName) -> None:
        before = await stage.memory()
        await seated(stage, door, options.rooms, run.people)
        found = await stage.measure("changes", rate=options.rate, seconds=options.seconds)
        after, figures = await stage.memory(), found.figures
        people = options.rooms * run.people
        grown = sum(after[part] - before[part] for part in PODS if part in after) / 1024 / people
        times = f"{milliseconds(figures['last_p50'])} / {milliseconds(figures['last_p99'])}"
        rate = f"{figures['delivered'] / figures['seconds']:,.0f}"
        table.row(door, stage.name, times, rate, costs(found, figures["delivered"]), f"{grown:.0f}", faults(figures))

    await run.each(play, bare=False)


async def slow(run: Run) -> None:
    """One in ten does not read: the last one's time of all the others, beside that without."""
    table = Table("One client in ten does not read", ("door", "who", "not reading", "last member p50 / p99 ms", FAULTS))

    async def play(stage: Stage, door: DoorName) -> None:
        await seated(stage, door, run.options.rooms, run.people)
        for share in (0, 10):
            await stage.ask("deaf", one_in=share)
            figures = (await stage.measure("paced", rate=run.options.rate, seconds=run.options.seconds)).figures
            times = f"{milliseconds(figures['last_p50'])} / {milliseconds(figures['last_p99'])}"
            table.row(door, stage.name, f"1 of {share}" if share else "none", times, faults(figures))

    await run.each(play, bare=False)
