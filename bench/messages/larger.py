"""The programs with rooms of any size: ``python -m bench.messages.larger api``. Nothing else of them is changed."""

import runpy
import sys
from typing import Annotated

from pydantic import Field

from callplane.contracts import bounds

SEATS = 10_000


def main() -> None:
    """Raise the bound before anything takes it, and be the program."""
    vars(bounds)["Seats"] = Annotated[int, Field(ge=1, le=SEATS)]
    _, program, *arguments = sys.argv
    sys.argv = [program, *arguments]
    runpy.run_module(program, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
