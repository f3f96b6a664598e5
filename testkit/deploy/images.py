"""Builds the stages of a Dockerfile without an engine: each in an empty directory that stands for its root.

Absolute paths of the file become paths below that directory. One thing is not as in the image: what pip would fetch
from an index is taken from this environment instead, so that a test needs no network; whether the pinned versions can
be installed is what the installation of this environment shows.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

from testkit.deploy.dockerfile import Line, Stage

BASE_IMAGE = "python:3.11.13-slim-bookworm"
TREES = ("/opt/", "/src")
SECONDS = 100


@dataclass
class Image:
    """A stage that was built: where its root is, and what it says about running."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = ""
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)

    def path(self, inside: str) -> Path:
        """Where a path of the image is on this machine."""
        return self.root / inside.lstrip("/") if inside.startswith("/") else self.path(self.workdir) / inside

    def here(self, text: str) -> str:
        """A word of a command line or variable with the image's own trees replaced by those on this machine."""
        for tree in TREES:
            text = text.replace(tree, f"{self.root}{tree}") if str(self.root) not in text else text
        return text

    def variables(self) -> dict[str, str]:
        """The environment of a process in it: what the file says, and where the dependencies are."""
        env = {name: self.here(value) for name, value in self.env.items()}
        env["PATH"] = os.pathsep.join([env.get("PATH", ""), str(Path(sys.executable).parent), "/usr/bin", "/bin"])
        return env | {"PYTHONPATH": sysconfig.get_path("purelib")}

    def argv(self, command: list[str]) -> list[str]:
        """A command of the image as it is run here; its first word is looked up in the image's PATH."""
        words = [self.here(word) for word in command]
        found = shutil.which(words[0], path=self.variables()["PATH"])
        assert found is not None, f"{words[0]} is not in the image"
        return [found, *words[1:]]


class Builder:
    """Builds stages by name, each once."""

    def __init__(self, stages: dict[str, Stage], context: Path, scratch: Path) -> None:
        self._stages = stages
        self._context = context
        self._scratch = scratch
        self._built: dict[str, Image] = {}

    def build(self, name: str) -> Image:
        """The stage with all that it stands on."""
        if name not in self._built:
            stage = self._stages[name]
            image = self._begin(stage)
            for line in stage.lines:
                self._obey(line, image)
            self._built[name] = image
        return self._built[name]

    def _begin(self, stage: Stage) -> Image:
        root = self._scratch / stage.name
        if stage.base not in self._stages:
            assert stage.base == BASE_IMAGE, stage.base
            root.mkdir()
            return Image(root)
        below = self.build(stage.base)
        shutil.copytree(below.root, root, symlinks=True)
        return Image(root, dict(below.env), below.workdir, below.user)

    def _obey(self, line: Line, image: Image) -> None:
        match line.word:
            case "ENV":
                image.env |= {name: value for name, _, value in (word.partition("=") for word in line.words())}
            case "WORKDIR":
                image.workdir = line.rest
                image.path(line.rest).mkdir(parents=True, exist_ok=True)
            case "COPY":
                self._copy(line.words(), image)
            case "RUN":
                self._run(line.rest, image)
            case "USER":
                image.user = line.rest
            case "EXPOSE":
                image.ports.append(int(line.rest))
            case "HEALTHCHECK":
                image.health = line.command()
            case "CMD":
                image.command = line.command()

    def _copy(self, words: list[str], image: Image) -> None:
        source = None
        if words[0].startswith("--from="):
            source = self.build(words.pop(0).removeprefix("--from="))
        *froms, to = words
        for one in froms:
            origin = source.path(one) if source else self._context / one
            target = image.path(to)
            if origin.is_dir():
                shutil.copytree(
                    origin, target, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
                )
            else:
                target = target / origin.name if to.endswith("/") else target
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(origin, target)

    def _run(self, text: str, image: Image) -> None:
        # The second of these means "without build isolation": pip reads this variable the wrong way round.
        offline = {"PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1"}
        run = subprocess.run(
            ["/bin/sh", "-c", image.here(text)],
            cwd=image.path(image.workdir),
            env=image.variables() | offline,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert run.returncode == 0, f"RUN {text}\n{run.stdout}\n{run.stderr}"
