"""docs/howto/receive-webhooks.md: its lines verify what we sign, and refuse what we have not signed or long ago."""

import base64
import hashlib
import hmac
import json
import re
import textwrap
import time
from typing import Any

import pytest

from callplane.contracts.webhooks import new_secret
from hooks.signatures import signed_headers
from testkit.deploy.manifests import ROOT

PAGE = (ROOT / "docs/howto/receive-webhooks.md").read_text()


def verified() -> Any:
    """The function that the page shows."""
    [example] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    found: dict[str, Any] = {"base64": base64, "hashlib": hashlib, "hmac": hmac, "json": json, "time": time}
    exec(textwrap.dedent(example), found)
    return found["verified"]


def test_its_lines_verify_what_we_sign() -> None:
    old, new, body, now = new_secret(), new_secret(), b'{"type": "webhook-test"}', int(time.time())
    headers = signed_headers("one", now, body, [new, old])
    assert verified()(old, headers, body) == verified()(new, headers, body) == {"type": "webhook-test"}
    with pytest.raises(ValueError, match="not signed"):
        verified()(new_secret(), headers, body)
    with pytest.raises(ValueError, match="not signed"):
        verified()(new, headers, body + b" ")
    with pytest.raises(ValueError, match="too old"):
        verified()(new, signed_headers("one", now - 400, body, [new]), body)
