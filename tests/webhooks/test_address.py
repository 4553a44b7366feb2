"""Where messages may go."""

import ipaddress

import pytest

from checkout.shop import NOW
from kaquan.runtime import InvalidInput, Tx
from kaquan.webhooks import EndpointDraft, create_endpoint
from kaquan.webhooks.address import is_public


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("0.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.215.14", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
    ],
)
def test_what_is_public(address: str, *, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://hooks.example.com/in?a=b", None),
        ("https://hooks.example.com:8443/", None),
        ("http://hooks.example.com/", "invalid_url"),
        ("ftp://hooks.example.com/", "invalid_url"),
        ("https://", "invalid_url"),
        ("https://[::1", "invalid_url"),
        ("https://hooks.example.com:99999/", "invalid_url"),
        ("https://me:secret@hooks.example.com/", "invalid_url"),
        ("https://hooks.example.com/#part", "invalid_url"),
        ("https://hooks.example.com/a b", "invalid_url"),
        ("https://hooks.example.com/ü", "invalid_url"),
        ("https://hooks.example.com/" + "a" * 2_000, "invalid_url"),
        ("https://127.0.0.1/", "private_address"),
        ("https://[::1]/", "private_address"),
        ("https://localhost/", "private_address"),
        ("https://printer.local/", "private_address"),
    ],
)
async def test_which_addresses_are_accepted(tx: Tx, url: str, key: str | None) -> None:
    draft = EndpointDraft(url=url)
    if key is None:
        made = await create_endpoint(tx, draft, private_allowed=False, now=NOW)
        assert made.url == url
        return
    with pytest.raises(InvalidInput) as refused:
        await create_endpoint(tx, draft, private_allowed=False, now=NOW)
    assert (refused.value.field, refused.value.key) == ("url", key)
