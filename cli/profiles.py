"""Profiles: servers by name, each with the key to it, in a file that only its owner can read."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from cli.verbs.server import Failed

OWNER_ALONE = 0o600


@dataclass(frozen=True, slots=True)
class Profile:
    """One server, and who asks it."""

    url: str
    api_key: str | None = None
    operator_url: str | None = None
    """Where the operators' routes are, if they have an address of their own."""


def place() -> Path:
    """The file (XDG base directories)."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "callplane" / "profiles.json"


@dataclass
class Profiles:
    """All of them, and which one is used where nothing is said."""

    by_name: dict[str, Profile] = field(default_factory=dict)
    default: str | None = None

    @classmethod
    def read(cls) -> Self:
        """As the file has them; none where there is no file. Raises Failed."""
        try:
            said = json.loads(place().read_text())
            return cls({name: Profile(**one) for name, one in said["profiles"].items()}, said["default"])
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as trouble:
            raise Failed(f"{place()} cannot be read ({type(trouble).__name__}): mend or remove it.", 2) from None

    def write(self) -> None:
        """Have all of it in the file, or what was there before, whenever this ends. Raises Failed."""
        file = place()
        fresh = file.with_name(f"{file.name}.{os.getpid()}")
        said = {"default": self.default, "profiles": {name: asdict(one) for name, one in self.by_name.items()}}
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ALONE), "w") as writing:
                json.dump(said, writing, indent=2)
            fresh.replace(file)
        except OSError as trouble:
            with suppress(OSError):
                fresh.unlink()
            raise Failed(f"{file} cannot be written: {trouble.strerror}", 2) from None

    def named(self, name: str) -> Profile:
        """The one of this name. Raises Failed."""
        found = self.by_name.get(name)
        if found is None:
            known = ", ".join(sorted(self.by_name)) or "none yet"
            raise Failed(f"There is no profile {name!r}: {known}. `callplane profile add` makes one.", 2)
        return found
