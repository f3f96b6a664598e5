"""What the checker counts, and how it is printed."""

from collections import Counter
from dataclasses import dataclass, field

BAD = ("lost", "duplicated", "reordered", "phantom", "leaked", "broken")
_SHOWN = 12


@dataclass
class Verdict:
    """Counts of commands, and one sentence for each thing that went wrong, by what kind of wrong it is."""

    attempted: int = 0
    acknowledged: int = 0
    ok: int = 0
    refused: int = 0
    unknown: int = 0
    deliveries: int = 0
    repeats: int = 0
    wrong: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in BAD})
    by_op: dict[str, Counter[str]] = field(default_factory=dict)

    def say(self, kind: str, sentence: str) -> None:
        """One more of a kind; the same sentence counts once."""
        if sentence not in self.wrong[kind]:
            self.wrong[kind].append(sentence)

    @property
    def clean(self) -> bool:
        """Whether nothing at all went wrong."""
        return not any(self.wrong.values())

    def __str__(self) -> str:
        good = ("attempted", "acknowledged", "ok", "refused", "unknown", "deliveries", "repeats")
        columns = [(name, getattr(self, name)) for name in good] + [(name, len(self.wrong[name])) for name in BAD]
        widths = [max(len(name), len(str(count))) for name, count in columns]
        lines = [
            "  ".join(name.rjust(width) for (name, _), width in zip(columns, widths, strict=True)),
            "  ".join(str(count).rjust(width) for (_, count), width in zip(columns, widths, strict=True)),
        ]
        for kind, sentences in self.wrong.items():
            lines += [f"{kind}: {sentence}" for sentence in sentences[:_SHOWN]]
            if len(sentences) > _SHOWN:
                lines.append(f"{kind}: and {len(sentences) - _SHOWN} more")
        return "\n".join(lines)
