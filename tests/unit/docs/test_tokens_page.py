"""docs/tokens.md: every claim that is read has its row, and what the page has Python sign is let in."""

import re
import time
from pathlib import Path

import jwt
from starlette.datastructures import Headers

from api.auth.credentials import Credentials
from api.auth.tokens import AccessToken
from api.settings import Settings

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "tokens.md").read_text()
SECRET = "s" * 40


def test_every_claim_that_is_read_has_its_row() -> None:
    source = (ROOT / "api" / "auth" / "tokens.py").read_text().partition("class AccessTokens")[2]
    registered = {"iss", "sub", "exp", "iat", "nbf", "session", "role", "grants"}
    assert registered <= set(re.findall(r'"([a-z]+)"', source))
    assert set(re.findall(r"^\| `([a-z]+)` \|", PAGE, re.MULTILINE)) == registered


def test_what_the_page_signs_is_let_in() -> None:
    [example] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    found: dict[str, str] = {}
    exec(example, {"time": time, "jwt": jwt, "secret_of_the_key": SECRET}, found)
    known = Credentials(Settings(api_keys=f"web:{SECRET}", token_secrets=SECRET))
    token = known.of(Headers({"Authorization": f"Bearer {found['token']}"}))
    assert token == AccessToken("web", "ada", "daily", "moderator", "web")
