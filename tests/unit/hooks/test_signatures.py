"""What Standard Webhooks' own package verifies, and what it refuses."""

import json
import time

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from callplane.contracts.webhooks import new_secret
from callplane_client.webhooks import NotVerified, WebhookVerifier
from hooks.signatures import signed_headers

BODY = json.dumps({"id": "s:7", "type": "participant-joined", "data": {"name": "Zoë"}}, ensure_ascii=False).encode()


def test_the_package_verifies_what_we_sign() -> None:
    secret = new_secret()
    assert Webhook(secret).verify(BODY, signed_headers("s:7", int(time.time()), BODY, [secret]))["id"] == "s:7"


def test_our_own_sdk_verifies_what_we_sign() -> None:
    old, new = new_secret(), new_secret()
    headers = signed_headers("s:7", int(time.time()), BODY, [new, old])
    assert WebhookVerifier(old).verify(headers, BODY).id == "s:7"
    with pytest.raises(NotVerified):
        WebhookVerifier(new_secret()).verify(headers, BODY)


def test_during_an_overlap_either_secret_verifies() -> None:
    new, old, other = new_secret(), new_secret(), new_secret()
    headers = signed_headers("s:7", int(time.time()), BODY, [new, old])
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (new, old):
        Webhook(secret).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(BODY, headers)


@pytest.mark.parametrize("changed", ["body", "webhook-id", "webhook-timestamp"])
def test_nothing_that_is_signed_can_be_changed(changed: str) -> None:
    secret, now = new_secret(), int(time.time())
    headers, body = signed_headers("s:7", now, BODY, [secret]), BODY
    if changed == "body":
        body = BODY.replace(b"joined", b"killed")
    else:
        headers[changed] = {"webhook-id": "s:8", "webhook-timestamp": str(now + 1)}[changed]
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)
