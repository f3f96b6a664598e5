"""Load scenarios: rooms at a pace, as many deliveries as go, everybody at once, more pods, and pairs."""

from bench.bare import both_ends
from bench.messages.book import quantile
from bench.messages.doors import DoorName
from bench.messages.report import CPU, EACH, FAULTS, IDLE, MEMORY, Table, costs, faults, idle, memory, milliseconds
from bench.messages.run import Run, seated
from bench.messages.stage import Measured, Stage

WARM_UP = 1.0
TRIPS = 200


async def room(run: Run) -> None:
    """Rooms at an even pace: the last member's time, and CPU per delivery."""
    options = run.options
    title = f"{options.rooms} room(s) of {run.people}, {options.rate:g} messages/s each, {options.bytes} bytes"
    table = Table(title, ("door", "who", "last member p50 / p99 ms", CPU, IDLE, MEMORY, EACH, FAULTS))

    async def play(stage: Stage, door: DoorName) -> None:
        await seated(stage, door, options.rooms, run.people)
        await stage.ask("paced", rate=options.rate, seconds=WARM_UP)
        found = await stage.measure("paced", rate=options.rate, seconds=options.seconds)
        table.row(door, stage.name, *paced_row(found))

    await run.fanouts(play)
    await run.each(play)


def paced_row(found: Measured) -> tuple[str, ...]:
    """Times, costs and faults of a paced run."""
    figures, delivered = found.figures, found.figures["delivered"]
    times = f"{milliseconds(figures['last_p50'])} / {milliseconds(figures['last_p99'])}"
    each = f"{delivered / max(1, figures['frames']):.1f}"
    return times, costs(found, delivered), idle(found, delivered), memory(found), each, faults(figures)


async def flood(run: Run) -> None:
    """Rooms with more and more signals under way: the most deliveries a second of which none was lost."""
    options = run.options
    title = f"{options.rooms} room(s) of {run.people}, as much as goes, {options.bytes} bytes"
    columns = ("door", "who", "under way", "deliveries/s", "messages/s", CPU, "clients' µs", MEMORY, EACH, FAULTS)
    table = Table(title, columns)

    async def play(stage: Stage, door: DoorName) -> None:
        await seated(stage, door, options.rooms, run.people)
        await stage.ask("flood", in_flight=4, seconds=WARM_UP)
        for in_flight in options.in_flight:
            found = await stage.measure("flood", in_flight=in_flight, seconds=options.seconds)
            figures, delivered = found.figures, found.figures["delivered"]
            rates = [f"{count / figures['seconds']:,.0f}" for count in (delivered, figures["accepted"])]
            clients, each = found.micros("crowd", delivered), delivered / max(1, figures["frames"])
            table.row(
                *(door, stage.name, in_flight, *rates, costs(found, delivered)),
                *(f"{clients:.1f}", memory(found), f"{each:.1f}", faults(figures)),
            )

    await run.fanouts(play)
    await run.each(play)


async def everybody(run: Run) -> None:
    """One session, in which each sends one message to all, at once."""
    columns = ("people", "door", "who", "joined in s", "all given in s", "deliveries/s", CPU, FAULTS)
    table = Table("Each sends one message to all", columns)
    for people in run.options.people:

        async def play(stage: Stage, door: DoorName, people: int = people) -> None:
            made = await stage.ask("rooms", count=1, people=people, door=door)
            await stage.ask("open", name=door)
            found = await stage.measure("everybody")
            figures, delivered = found.figures, found.figures["delivered"]
            table.row(
                *(people, door, stage.name, f"{made['seconds']:.1f}", f"{figures['seconds']:.2f}"),
                *(f"{delivered / figures['seconds']:,.0f}", costs(found, delivered), faults(figures)),
            )

        await run.each(play)


async def pods(run: Run) -> None:
    """The same load on more and more pods: CPU per delivery."""
    options = run.options
    columns = ("pods", "door", "who", "last member p50 / p99 ms", CPU, IDLE, MEMORY, EACH, FAULTS)
    table = Table(f"{options.rooms} room(s) of {run.people}, {options.rate:g} messages/s each", columns)
    for count in options.pods:

        async def play(stage: Stage, door: DoorName, count: int = count) -> None:
            await seated(stage, door, options.rooms, run.people)
            await stage.ask("paced", rate=options.rate, seconds=WARM_UP)
            found = await stage.measure("paced", rate=options.rate, seconds=options.seconds)
            table.row(count, door, stage.name, *paced_row(found))

        await run.each(play, bare=False, pods=count)


async def pairs(run: Run) -> None:
    """Two people, each at a pod of their own, one signal at a time; beside it the bare round trip."""
    table = Table(
        "One signal at a time to one other, through two pods", ("door", "who", "p50 / p99 ms", "of bare", FAULTS)
    )

    async def play(stage: Stage, door: DoorName) -> None:
        await seated(stage, door, 1, 2)
        async with both_ends(run.around) as ends:
            trips = [await ends.near.trip() for _ in range(TRIPS // 2)]
            figures = (await stage.measure("pairs", count=TRIPS)).figures
            trips += [await ends.near.trip() for _ in range(TRIPS // 2)]
        bare = quantile(trips, 0.5)
        table.row(door, "bare", f"{milliseconds(bare)} / {milliseconds(quantile(trips, 0.99))}", "1", "")
        times = f"{milliseconds(figures['last_p50'])} / {milliseconds(figures['last_p99'])}"
        table.row(door, stage.name, times, f"x {figures['last_p50'] / bare:.2f}", faults(figures))

    await run.each(play, bare=False, pods=2)
