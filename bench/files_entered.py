"""Files entered by one call: which of our modules run for a join and for an offer, in both programs, counted.

A reader who wants to understand a join has to open these. Counted is every file of ours with a function that runs while
the request's ids are in the context (``callplane.telemetry.logs``), or that is on the stack at that moment, from the
request until nothing is owed: sweeps and leases that happen to run meanwhile are not.
"""

import argparse
import asyncio
import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from bench.calls import servers
from callplane.telemetry.logs import log_value
from testkit.fakes.sdp import OFFER
from testkit.inprocess.api_and_wrapper import api_and_wrapper

ROOT = Path(__file__).parents[1]
PACKAGES = ("api", "callplane", "kurento_client", "wrapper")
GOALS = {"join": 30, "offer": 45}
OWED_SECONDS = 1.5
"""What a call owes is done long before."""


@contextlib.contextmanager
def entered() -> Iterator[set[str]]:
    """The files, relative to the project, that run for requests inside the block."""
    files: dict[str, str | None] = {}
    found: set[str] = set()

    def file_of(frame: FrameType) -> str | None:
        name = frame.f_code.co_filename
        if name not in files:
            path = Path(name)
            inside = path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in PACKAGES
            files[name] = str(path.relative_to(ROOT)) if inside else None
        return files[name]

    def profile(frame: FrameType, event: str, _argument: object) -> None:
        # A class body or a module is read once, at the start.
        if event != "call" or file_of(frame) is None or log_value("request_id") is None:
            return
        at: FrameType | None = frame
        while at is not None:
            if (file := file_of(at)) is not None:
                found.add(file)
            at = at.f_back

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield found
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


async def count() -> dict[str, set[str]]:
    """A call, warmed up by one before it; the files of its join and of its offer."""
    found: dict[str, set[str]] = {}
    async with servers() as around, api_and_wrapper(around) as both:
        for _ in range(2):
            session = "/v1/sessions/" + (await both.http.post("/v1/sessions", json={})).json()["id"]
            joined: Any = None
            for name in ("join", "offer"):
                with entered() as files:
                    if name == "join":
                        joined = (await both.http.post(f"{session}/participants", json={})).json()
                    else:
                        me = {"Authorization": f"Bearer {joined['token']}", "X-API-Key": ""}
                        body = {"kind": "publish", "sdp_offer": OFFER}
                        answer = await both.http.post(f"{session}/connections", json=body, headers=me)
                        answer.raise_for_status()
                    await asyncio.sleep(OWED_SECONDS)
                found[name] = files
            (await both.http.delete(session)).raise_for_status()
    return found


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser("bench.files_entered", description=__doc__)
    parser.add_argument("--list", action="store_true", help="name the files, those of the join first")
    arguments = parser.parse_args()
    found = asyncio.run(count())
    for name, files in found.items():
        if arguments.list:
            print("\n".join(sorted(files - (found["join"] if name != "join" else set()))))
        print(f"{name}: {len(files)} files of ours (goal {GOALS[name]})")
    return 0 if all(len(files) <= GOALS[name] for name, files in found.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
