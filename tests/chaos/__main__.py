"""``python -m tests.chaos``: the long form."""

import sys

from tests.chaos.run import main

if __name__ == "__main__":
    sys.exit(main())
