"""``python -m bench``: join and offer beside the bare round trip; other benches are modules of their own."""

import sys

from bench.calls import main

sys.exit(main())
