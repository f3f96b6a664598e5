"""Report: tables in Markdown, a line as soon as it is known, so that they can go into a page as they are printed."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.messages.stage import Measured

PODS = ("api", "wrapper", "rabbitmq", "mongod", "writer")
"""Parts whose CPU is of the programs and servers, in the order in which it is shown; the writer is there when asked."""


@dataclass
class Table:
    """Prints its head with the first row."""

    title: str
    columns: Sequence[str]
    _begun: bool = False

    def row(self, *values: object) -> None:
        """Print a line."""
        if not self._begun:
            self._begun = True
            print(f"\n### {self.title}\n")
            print("| " + " | ".join(self.columns) + " |")
            print("|" + "---|" * len(self.columns))
        print("| " + " | ".join(map(str, values)) + " |", flush=True)


def milliseconds(seconds: float) -> str:
    """As ms, short."""
    return f"{seconds * 1000:.1f}" if seconds < 0.1 else f"{seconds * 1000:,.0f}"


def costs(measured: Measured, share_of: int) -> str:
    """CPU µs each: in all without the clients, and by part."""
    parts = [measured.micros(part, share_of) for part in PODS if part in measured.costs]
    return f"{sum(parts):,.1f} ({', '.join(f'{part:,.1f}' for part in parts)})"


def memory(measured: Measured) -> str:
    """MiB by part at the end."""
    return ", ".join(f"{measured.memory[part] / 2**20:.0f}" for part in PODS if part in measured.memory)


def idle(measured: Measured, share_of: int) -> str:
    """What of the pods' µs is their idling."""
    return f"{measured.costs['api'].idle / max(1, share_of) * 1e6:,.1f}"


def faults(figures: dict[str, object]) -> str:
    """Lost, given twice, out of order; then what was refused or ended, where anything was."""
    wrong = f"{figures['lost']} / {figures['doubled']} / {figures['disordered']}"
    strange = {name: figures[name] for name in ("strays", "version_gaps", "resyncs", "given_up") if figures[name]}
    refused = {f"signal {code}": count for code, count in dict(figures["refused"]).items()}  # type: ignore[call-overload]
    said = {**strange, **refused, **dict(figures["codes"])}  # type: ignore[call-overload]
    return wrong + "".join(f"; {name}: {count}" for name, count in said.items())


FAULTS = "lost / twice / out of order"
MEMORY = "MiB (of the same)"
CPU = "CPU µs a delivery (pods, wrappers, broker, database)"
IDLE, EACH = "pods' idling", "messages a frame"
