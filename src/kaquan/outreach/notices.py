"""Letters to the people who work here: links that open once, never an offer."""

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime

import aiosmtplib

from kaquan.outreach.envelope import find_address, sender_address
from kaquan.outreach.smtp import MailServer, MailServerDown, connect


async def send_notice(
    server: MailServer, to: str, *, subject: str, text: str, now: datetime
) -> bool:
    """Hand a plain letter to the mail server; False when it cannot be delivered at present.

    There is no second try: whoever asked for the letter is told, or asks again.
    """
    address = find_address(to)
    if address is None:
        return False
    letter = EmailMessage(policy=SMTP_POLICY)
    letter["From"] = server.sender
    letter["To"] = address
    letter["Subject"] = subject
    letter["Date"] = format_datetime(now)
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(text)
    try:
        async with connect(server) as client:
            await client.sendmail(sender_address(server.sender), [address], letter.as_bytes())
    except (MailServerDown, aiosmtplib.SMTPException, OSError):
        return False
    return True
