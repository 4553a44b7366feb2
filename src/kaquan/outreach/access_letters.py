"""The links by which people who work here get in, and the letters that carry them."""

from datetime import datetime

import msgspec

from kaquan.outreach.notices import send_notice
from kaquan.outreach.smtp import mail_server
from kaquan.runtime import Project, Settings
from kaquan.trust import IssuedTicket

INVITATION_PATH = "/invitation/"
RESET_PATH = "/reset-password/"

_SUBJECTS = {
    ("invitation", "en"): "You are invited to {project}",
    ("invitation", "zh"): "邀请您加入「{project}」",
    ("password_reset", "en"): "A new password for {project}",
    ("password_reset", "zh"): "重设「{project}」的密码",
}
_TEXTS = {
    ("invitation", "en"): (
        "You are invited to work on {project} in Kaquan. Open this link within 7 days:\n\n"
        "{link}\n\nIt works once. If you expected no invitation, leave it alone."
    ),
    ("invitation", "zh"): (
        "您受邀在卡券系统中参与「{project}」的工作。请在 7 天内打开链接：\n\n{link}\n\n"
        "链接只能使用一次。如果这与您无关，忽略即可。"
    ),
    ("password_reset", "en"): (
        "Somebody asked for a new password for your account. Open this link within the hour:\n\n"
        "{link}\n\nIt works once. If it was not you, leave it alone: nothing changes."
    ),
    ("password_reset", "zh"): (
        "有人为您的账户申请了新密码。请在一小时内打开链接：\n\n{link}\n\n"
        "链接只能使用一次。如果不是您本人操作，忽略即可，密码不会改变。"
    ),
}


class Delivery(msgspec.Struct, frozen=True):
    """What became of a link: mailed to its person, or left to be handed over."""

    link: str
    mailed: bool


async def deliver_ticket(
    settings: Settings, issued: IssuedTicket, *, project: Project, here: str, now: datetime
) -> Delivery:
    """Mail a link to its person, in the project's language, when a mail server is set.

    Links begin with the public address that is set, else with ``here``, the address that the
    request at hand was sent to.
    """
    purpose = issued.ticket.purpose
    path = INVITATION_PATH if purpose == "invitation" else RESET_PATH
    link = f"{(settings.public_url or here).rstrip('/')}{path}{issued.token}"
    server = mail_server(settings)
    if server is None:
        return Delivery(link, mailed=False)
    language = "zh" if project.language == "zh" else "en"
    mailed = await send_notice(
        server,
        issued.ticket.email,
        subject=_SUBJECTS[purpose, language].format(project=" ".join(project.name.split())),
        text=_TEXTS[purpose, language].format(project=project.name, link=link),
        now=now,
    )
    return Delivery(link, mailed=mailed)
