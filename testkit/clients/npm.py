"""npm packages for tests (Kurento's own client, rules of accessibility, a type checker), installed when needed."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def npm_packages() -> Path:
    """Their ``node_modules``. Raises RuntimeError with npm's own words when they cannot be had."""
    environment = os.environ | {"VENV": sys.prefix}
    command = [str(ROOT / ".ci" / "needs"), "npm"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)
    if ran.returncode:
        raise RuntimeError(f"npm packages cannot be had:\n{ran.stderr}")
    return Path(sys.prefix) / "npm" / "node_modules"
