"""A mail server of the tests' own: real SMTP on a local port, with moods."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from kaquan.outreach import MailServer


class Mailbox:
    """Keeps what it takes. Recipients and senders decide by their names what happens to them."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.recipients: list[str] = []
        self.connections = 0

    async def handle_EHLO(  # noqa: N802
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("banned@"):
            return "550 5.7.1 Sender not allowed"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("unknown@"):
            return "550 5.1.1 No such user"
        if address.startswith("busy@"):
            return "451 4.3.2 Try again later"
        if address.startswith("drop@"):
            cast("Any", server).transport.abort()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        raw = envelope.original_content
        assert raw is not None
        if b"forbidden" in raw:
            return "554 5.7.1 Content rejected"
        self.raw.append(raw)
        self.received.append(message_from_bytes(raw, policy=default))
        self.recipients += envelope.rcpt_tos
        return "250 2.0.0 Queued"


@asynccontextmanager
async def open_mailbox() -> AsyncGenerator[tuple[Mailbox, MailServer]]:
    """Serve SMTP on a free local port."""
    mailbox = Mailbox()
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(
        lambda: SMTP(mailbox, hostname="mail.test", loop=loop), "127.0.0.1", 0
    )
    try:
        yield mailbox, mail_server_at(listener.sockets[0].getsockname()[1])
    finally:
        listener.close()
        await listener.wait_closed()


@asynccontextmanager
async def open_listener(*, answers: bytes | None) -> AsyncGenerator[MailServer]:
    """Listen on a free local port, say one thing (or nothing at all) and no more."""
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answers is not None:
            writer.write(answers)
            await writer.drain()
        else:
            await gone.wait()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield mail_server_at(listener.sockets[0].getsockname()[1])
    finally:
        gone.set()
        listener.close()
        await listener.wait_closed()


async def closed_port() -> int:
    """Return a port on which nobody listens."""
    listener = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port: int = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    return port


def mail_server_at(port: int) -> MailServer:
    """A mail server on a local port, without encryption and with little patience."""
    return MailServer(
        host="127.0.0.1",
        port=port,
        sender="小店 <news@shop.example>",
        security="none",
        timeout_s=2,
    )
