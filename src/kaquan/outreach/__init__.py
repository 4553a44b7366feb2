"""Reaching customers: templates, e-mail, distributions, the outbox, and unsubscribing."""

from kaquan.outreach.access_letters import (
    INVITATION_PATH,
    RESET_PATH,
    Delivery,
    deliver_ticket,
)
from kaquan.outreach.default_template import default_template
from kaquan.outreach.deliver import deliver_messages
from kaquan.outreach.distribute import advance_distribution
from kaquan.outreach.jobs import deliver, distribute, mailing_of, sweep_outbox
from kaquan.outreach.links import (
    UNSUBSCRIBE_PATH,
    WALLET_PATH,
    UnsubscribeLink,
    UnsubscribeSigner,
    open_unsubscribe_token,
    unsubscribe_signer,
    unsubscribe_url,
    wallet_url,
)
from kaquan.outreach.model import (
    EMAIL,
    MARKETING,
    CampaignFacts,
    CouponFacts,
    CustomerFacts,
    Distribution,
    DistributionStatus,
    EmailTemplate,
    Language,
    Mailing,
    Message,
    MessageCounts,
    MessageFacts,
    MessageStatus,
    RenderedMessage,
    ShopFacts,
)
from kaquan.outreach.offer_sentence import last_day, offer_sentence
from kaquan.outreach.render import check_template, render_message
from kaquan.outreach.smtp import MailServer, MailServerDown, mail_server
from kaquan.outreach.start import resume_distribution, start_distribution
from kaquan.outreach.store import (
    DISTRIBUTION_ORDERS,
    count_distributions,
    count_messages,
    get_distribution,
    get_message,
    list_distributions,
    list_messages,
    withhold_messages,
)
from kaquan.outreach.unsubscribe import unsubscribe
from kaquan.outreach.variants import define_experiment

__all__ = [
    "DISTRIBUTION_ORDERS",
    "EMAIL",
    "INVITATION_PATH",
    "MARKETING",
    "RESET_PATH",
    "UNSUBSCRIBE_PATH",
    "WALLET_PATH",
    "CampaignFacts",
    "CouponFacts",
    "CustomerFacts",
    "Delivery",
    "Distribution",
    "DistributionStatus",
    "EmailTemplate",
    "Language",
    "MailServer",
    "MailServerDown",
    "Mailing",
    "Message",
    "MessageCounts",
    "MessageFacts",
    "MessageStatus",
    "RenderedMessage",
    "ShopFacts",
    "UnsubscribeLink",
    "UnsubscribeSigner",
    "advance_distribution",
    "check_template",
    "count_distributions",
    "count_messages",
    "default_template",
    "define_experiment",
    "deliver",
    "deliver_messages",
    "deliver_ticket",
    "distribute",
    "get_distribution",
    "get_message",
    "last_day",
    "list_distributions",
    "list_messages",
    "mail_server",
    "mailing_of",
    "offer_sentence",
    "open_unsubscribe_token",
    "render_message",
    "resume_distribution",
    "start_distribution",
    "sweep_outbox",
    "unsubscribe",
    "unsubscribe_signer",
    "unsubscribe_url",
    "wallet_url",
    "withhold_messages",
]
