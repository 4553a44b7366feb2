"""A message as it goes over the wire: headers by RFC 5322 and RFC 8058, two parts."""

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime, parseaddr

from kaquan.outreach.model import Message
from kaquan.runtime import InvalidInput

_LONGEST_ADDRESS = 254
_PRINTABLE = frozenset(map(chr, range(33, 127))) - set('"(),:;<>@[\\]')


class _UnfoldedLinks(EmailPolicy):
    """Keeps List-Unsubscribe in one piece: folding would turn a long address into code words."""

    def fold(self, name: str, value: str) -> str:
        return _line(name, value) or super().fold(name, value)

    def fold_binary(self, name: str, value: str) -> bytes:
        line = _line(name, value)
        return super().fold_binary(name, value) if line is None else line.encode("ascii")


_POLICY = _UnfoldedLinks(linesep="\r\n", cte_type="7bit", raise_on_defect=SMTP.raise_on_defect)


def write_headers(
    *, message_id: str, sender: str, unsubscribe_url: str, now: datetime
) -> dict[str, str]:
    """Return the headers of a marketing message, those of RFC 8058 among them.

    The Message-ID is made of our id, so that a mail server may drop what reaches it twice. Mail
    programs offer one-click unsubscribing only for an https address and a signed (DKIM) message;
    the signature is the mail server's.
    """
    domain = sender_address(sender).rpartition("@")[2]
    return {
        "From": sender,
        "Date": format_datetime(now),
        "Message-ID": f"<{message_id}@{domain}>",
        "List-Unsubscribe": f"<{unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def write_email(message: Message) -> bytes:
    """Return the message in wire format; raises ValueError for headers that cannot be written."""
    email = EmailMessage(policy=_POLICY)
    email["To"] = message.address
    email["Subject"] = message.subject
    for name, value in message.headers.items():
        email[name] = value
    email.set_content(message.plain)
    email.add_alternative(message.html, subtype="html")
    return email.as_bytes()


def sender_address(sender: str) -> str:
    """Return the bare address of a sender such as ``Shop <news@shop.example>``.

    Raises InvalidInput when there is none.
    """
    address = find_address(parseaddr(sender)[1])
    if address is None:
        message = f"'{sender}' is not a sender such as 'Shop <news@shop.example>'."
        raise InvalidInput(message, field="KAQUAN_MAIL_FROM")
    return address


def find_address(text: str | None) -> str | None:
    """Return a customer's e-mail address as SMTP takes it, or None when it cannot be one.

    Domains in other scripts are written in ASCII (IDNA); a local part in another script would
    need a mail server with SMTPUTF8 on both ends and counts as unreachable.
    """
    local, at, domain = (text or "").strip().rpartition("@")
    if not at or not local or not set(local) <= _PRINTABLE:
        return None
    try:
        host = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    labels = host.split(".")
    plausible = all(
        label.replace("-", "").isalnum() and label[0] != "-" and label[-1] != "-"
        for label in labels
    )
    address = f"{local}@{host}"
    return address if plausible and len(address) <= _LONGEST_ADDRESS else None


def _line(name: str, value: str) -> str | None:
    return f"{name}: {value}\r\n" if name.lower() == "list-unsubscribe" else None
