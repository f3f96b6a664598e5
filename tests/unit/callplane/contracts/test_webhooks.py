"""Which URLs endpoints may have, and which addresses are connected to."""

import base64
from ipaddress import ip_address

import pytest

from callplane.contracts.webhooks import Hosts, check_secret, check_url, may_connect, new_secret

NEVER = [
    "169.254.169.254",
    "fe80::1",
    "224.0.0.1",
    "ff02::1",
    "0.0.0.0",
    "::",
    "255.255.255.255",
    "100.64.0.1",
    "192.0.2.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "::169.254.169.254",
]
LOOPBACK = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]
PRIVATE = ["10.0.0.1", "172.16.0.1", "192.168.1.1", "fd00::1", "::ffff:10.0.0.1"]
PUBLIC = ["93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8"]


@pytest.mark.parametrize(
    ("hosts", "allowed"),
    [("public", PUBLIC), ("loopback", PUBLIC + LOOPBACK), ("private", PUBLIC + LOOPBACK + PRIVATE)],
)
def test_addresses(hosts: Hosts, allowed: list[str]) -> None:
    every = NEVER + LOOPBACK + PRIVATE + PUBLIC
    assert [address for address in every if may_connect(ip_address(address), hosts)] == [
        address for address in every if address in allowed
    ]


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/callplane?x=1",
        "https://hooks.example.com:8443/",
        "https://hooks.example.com:443",
        "https://xn--bcher-kva.example/",
        "https://[2606:4700::1111]/x",
    ],
)
def test_urls_that_are_let_in(url: str) -> None:
    assert check_url(url, "public") == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "https://",
        "https:///x",
        "https://user:secret@hooks.example.com/",
        "https://user@hooks.example.com/",
        "https://@hooks.example.com/",
        "https://hooks.example.com/#part",
        "https://hooks.example.com:22/",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:65536/",
        "https://hooks.example.com:x/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://10.1.2.3/",
        "https://hooks.example.com\\@127.0.0.1/",
        "https://hooks.example.com/a b",
        "https://bücher.example/",
        "https://hooks..example.com/",
        "https://[::1/",
        "https://" + "a" * 64 + ".example/",
        "https://hooks.example.com/" + "a" * 2048,
        "http://localhost:9000/",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        check_url(url, "public")


def test_http_is_for_this_machine_and_by_setting() -> None:
    for url in ("http://127.0.0.1:9000/", "http://localhost:9000/", "http://[::1]:9000/"):
        assert check_url(url, "loopback") == url
        assert check_url(url, "private") == url
    for url in ("http://10.0.0.1:9000/", "http://hooks.example.com/"):
        with pytest.raises(ValueError, match="https"):
            check_url(url, "private")


def written(size: int) -> str:
    """A secret of so many bytes."""
    return "whsec_" + base64.b64encode(b"k" * size).decode()


def test_secrets_that_may_sign() -> None:
    for secret in (written(24), written(25), written(64), new_secret()):
        assert check_secret(secret) == secret


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("", "does not begin"),
        (written(32).removeprefix("whsec_"), "does not begin"),
        (written(32).replace("whsec_", "WHSEC_"), "does not begin"),
        ("whsec_", "of 0 bytes"),
        (written(23), "of 23 bytes"),
        (written(65), "of 65 bytes"),
        (written(32).rstrip("="), "base64"),
        (written(32) + "\n", "base64"),
        ("whsec_" + "-_" * 20, "base64"),
        ("whsec_" + "é" * 40, "base64"),
        ("whsec_" + "\ud800" * 40, "base64"),
    ],
)
def test_secrets_that_are_refused_in_words_that_do_not_show_them(secret: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        check_secret(secret)
    assert "a2tra2tr" not in str(refused.value)
