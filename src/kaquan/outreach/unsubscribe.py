"""Withdrawing consent by the link in a message."""

from datetime import datetime

from kaquan.customers import list_consents, record_consent
from kaquan.outreach.links import UnsubscribeLink, open_unsubscribe_token
from kaquan.outreach.model import MARKETING
from kaquan.runtime import Tx

_SOURCE = "unsubscribe link"


async def unsubscribe(tx: Tx, token: str, *, now: datetime) -> UnsubscribeLink:
    """Withdraw the customer's consent to marketing on the channel that the token names.

    ``tx`` was opened without a project and then has the token's. Only a POST may lead here
    (RFC 8058: scanners of mail follow links by GET); a page asks first, and shows what
    `open_unsubscribe_token` says. Doing it again changes nothing. Messages already queued are
    not sent. Raises NotFound for a token that does not hold.
    """
    link = await open_unsubscribe_token(tx, token)
    decisions = await list_consents(tx, link.customer_id)
    latest = next(
        (one for one in decisions if (one.channel, one.purpose) == (link.channel, MARKETING)), None
    )
    if latest is None or latest.granted:
        await record_consent(
            tx,
            link.customer_id,
            channel=link.channel,
            purpose=MARKETING,
            granted=False,
            source=_SOURCE,
            now=now,
        )
    return link
