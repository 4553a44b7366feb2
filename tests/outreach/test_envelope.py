"""Addresses and headers as they go over the wire."""

from datetime import UTC, datetime

import pytest

from kaquan.outreach import Message, MessageStatus
from kaquan.outreach.envelope import find_address, sender_address, write_email, write_headers
from kaquan.runtime import InvalidInput

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ann@example.com", "ann@example.com"),
        (" Ann.Lee+news@Example.COM ", "Ann.Lee+news@example.com"),
        ("a@例え.jp", "a@xn--r8jz45g.jp"),
        ("root@localhost", "root@localhost"),
        (None, None),
        ("", None),
        ("ann", None),
        ("@example.com", None),
        ("ann@", None),
        ("ünï@example.com", None),
        ("a b@example.com", None),
        ("ann@example.com\r\nRCPT TO:<bea@example.com>", None),
        ("<ann@example.com>", None),
        ("ann@exa mple.com", None),
        ("ann@-example.com", None),
        ("ann@example..com", None),
        ("ann@" + "a" * 64 + ".com", None),
        ("a" * 250 + "@example.com", None),
    ],
)
def test_only_what_smtp_takes_is_an_address(text: str | None, address: str | None) -> None:
    assert find_address(text) == address


def test_a_sender_needs_an_address() -> None:
    assert sender_address("Shop <news@shop.example>") == "news@shop.example"
    with pytest.raises(InvalidInput) as caught:
        sender_address("Shop")
    assert caught.value.field == "KAQUAN_MAIL_FROM"


def test_a_long_unsubscribe_address_stays_in_one_piece() -> None:
    link = "https://shop.example/u/" + "x" * 300
    headers = write_headers(
        message_id="msg_1", sender="小店 <news@shop.example>", unsubscribe_url=link, now=NOW
    )
    raw = write_email(message(headers, subject="券" * 60))
    assert f"\r\nList-Unsubscribe: <{link}>\r\n".encode() in raw
    others = [line for line in raw.split(b"\r\n") if not line.startswith(b"List-Unsubscribe:")]
    assert max(map(len, others)) <= 78


def test_a_header_cannot_be_smuggled_in() -> None:
    with pytest.raises(ValueError, match="linefeed"):
        write_email(message({"From": "a@shop.example\r\nBcc: all@shop.example"}))


def message(headers: dict[str, str], *, subject: str = "Hello") -> Message:
    return Message(
        id="msg_1",
        distribution_id=None,
        campaign_id=None,
        customer_id="cust_1",
        voucher_id=None,
        channel="email",
        address="ann@example.com",
        subject=subject,
        html="<p>你好</p>",
        plain="你好\n",
        headers=headers,
        status=MessageStatus.QUEUED,
        attempts=0,
        due_at=NOW,
        error=None,
        created_at=NOW,
        sent_at=None,
    )
