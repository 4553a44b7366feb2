"""Handing messages to the mail server, and telling whose fault it is when that fails."""

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Literal, TypeAlias

import aiosmtplib
import msgspec
from aiosmtplib import SMTP

from kaquan.outreach.envelope import sender_address, write_email
from kaquan.outreach.model import Message
from kaquan.runtime import Settings, Unavailable

_TOO_LARGE = 552
_PERMANENT = 500


class MailServer(msgspec.Struct, frozen=True, kw_only=True):
    """Where messages go and who sends them; ``timeout_s`` holds for each answer."""

    host: str
    port: int
    sender: str
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: str | None = None
    timeout_s: float = 30


class Sent(msgspec.Struct, frozen=True):
    """The server took the message."""


class Refused(msgspec.Struct, frozen=True):
    """The server will never take this message."""

    reason: str


class Delayed(msgspec.Struct, frozen=True):
    """The server did not take this message now; ``lost``: nor anything else on this connection."""

    reason: str
    lost: bool = False


Outcome: TypeAlias = Sent | Refused | Delayed


class MailServerDown(Unavailable):
    """The mail server takes no message at all at present, or none from us."""

    key = "mail_server_unavailable"


def mail_server(settings: Settings) -> MailServer | None:
    """Return the mail server that is set, if one is."""
    if settings.smtp_host is None:
        return None
    password = settings.smtp_password
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.mail_from,
        security=settings.smtp_security,
        username=settings.smtp_username,
        password=None if password is None else password.get_secret_value(),
    )


@asynccontextmanager
async def connect(server: MailServer) -> AsyncGenerator[SMTP]:
    """Open a connection, encrypted and signed in as set; raises MailServerDown."""
    client = SMTP(
        hostname=server.host,
        port=server.port,
        username=server.username,
        password=server.password,
        use_tls=server.security == "tls",
        start_tls=server.security == "starttls",
        timeout=server.timeout_s,
    )
    try:
        await client.connect()
    except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
        client.close()
        message = f"The mail server {server.host}:{server.port} cannot be used: {_text(error)}."
        raise MailServerDown(message) from error
    try:
        yield client
        with suppress(aiosmtplib.SMTPException, OSError):
            await client.quit()
    finally:
        client.close()


async def send_message(client: SMTP, message: Message, *, server: MailServer) -> Outcome:
    """Hand over one message.

    Raises MailServerDown when the server refuses the sender: then it would refuse every other
    message too.
    """
    sender = sender_address(server.sender)
    try:
        await client.sendmail(sender, [message.address], write_email(message))
    except aiosmtplib.SMTPSenderRefused as error:
        if error.code == _TOO_LARGE:
            return Refused(_text(error))
        reason = f"The mail server refuses the sender {sender}: {_text(error)}."
        raise MailServerDown(reason) from error
    except aiosmtplib.SMTPRecipientsRefused as error:
        return _by_code(error.recipients[0])
    except aiosmtplib.SMTPResponseException as error:
        return _by_code(error)
    except (aiosmtplib.SMTPException, OSError) as error:
        return Delayed(f"The connection to the mail server was lost: {_text(error)}", lost=True)
    except ValueError as error:
        return Refused(f"The message cannot be written: {error}")
    return Sent()


def _by_code(error: aiosmtplib.SMTPResponseException) -> Refused | Delayed:
    """Replies 5yz are final, others may pass (RFC 5321, section 4.2.1)."""
    return Refused(_text(error)) if error.code >= _PERMANENT else Delayed(_text(error))


def _text(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"
    return str(error).rstrip(".") or type(error).__name__
