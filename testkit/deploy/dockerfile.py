"""Reads a Dockerfile: its stages, and the lines of each. Only what our own file uses; anything else is refused."""

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

WORDS = {"ENV", "WORKDIR", "RUN", "COPY", "STOPSIGNAL", "USER", "EXPOSE", "HEALTHCHECK", "CMD"}


@dataclass(frozen=True)
class Line:
    """One instruction, with its arguments as they are written."""

    word: str
    rest: str

    def words(self) -> list[str]:
        return shlex.split(self.rest)

    def command(self) -> list[str]:
        """The exec form; CMD and HEALTHCHECK of ours have no other, for a shell would not hand SIGTERM on."""
        found: list[str] = json.loads(self.rest[self.rest.index("[") :])
        return found


@dataclass(frozen=True)
class Stage:
    """What one FROM begins."""

    name: str
    base: str
    lines: list[Line] = field(default_factory=list)

    def of(self, word: str) -> list[Line]:
        return [line for line in self.lines if line.word == word]


def read_dockerfile(path: Path) -> dict[str, Stage]:
    """Name → stage, in order. Raises ValueError for a line that this reader does not understand."""
    stages: dict[str, Stage] = {}
    stage = None
    for text in path.read_text().splitlines():
        if not text.strip() or text.startswith("#"):
            continue
        word, _, rest = text.partition(" ")
        if word == "FROM":
            match = re.fullmatch(r"(\S+) AS (\S+)", rest)
            if match is None:
                raise ValueError(f"a stage without a name: {text}")
            stage = Stage(match[2], match[1])
            stages[stage.name] = stage
        elif stage is None or word not in WORDS or rest.endswith("\\"):
            raise ValueError(f"not understood: {text}")
        else:
            stage.lines.append(Line(word, rest))
    return stages
