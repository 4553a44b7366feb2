"""What is said about webhooks, sources and what they sent; every text is a catalogue key."""

from __future__ import annotations

from collections.abc import Mapping

from kaquan.connectors import ReceiptStatus, SourceKind
from kaquan.console.language import N_
from kaquan.console.pages.words import Badge
from kaquan.webhooks import DeliveryStatus, DisabledReason, Endpoint, MessageFormat

DELIVERY_STATES: Mapping[DeliveryStatus, Badge] = {
    DeliveryStatus.PENDING: Badge(N_("Waiting"), "wait"),
    DeliveryStatus.SUCCEEDED: Badge(N_("Arrived"), "good"),
    DeliveryStatus.FAILED: Badge(N_("Given up"), "bad"),
}
RECEIPT_STATES: Mapping[ReceiptStatus, Badge] = {
    ReceiptStatus.DONE: Badge(N_("Carried out"), "good"),
    ReceiptStatus.IGNORED: Badge(N_("Left out"), "off"),
    ReceiptStatus.DUPLICATE: Badge(N_("Sent twice"), "off"),
    ReceiptStatus.FAILED: Badge(N_("Failed"), "bad"),
}
FORMATS: Mapping[MessageFormat, str] = {
    MessageFormat.STANDARD: N_("Standard Webhooks"),
    MessageFormat.CLOUDEVENTS_STRUCTURED: N_("CloudEvents, all in the body"),
    MessageFormat.CLOUDEVENTS_BINARY: N_("CloudEvents, about it in headers"),
}
SYSTEMS: Mapping[SourceKind, str] = {
    SourceKind.SHOPIFY: "Shopify",
    SourceKind.WOOCOMMERCE: "WooCommerce",
    SourceKind.MEDUSA: "Medusa",
    SourceKind.SALEOR: "Saleor",
    SourceKind.CUSTOM: N_("Another system"),
}
REFUSALS: Mapping[str, str] = {
    "invalid_url": N_("This must be the whole https address of a program, without a password."),
    "private_address": N_("This address is inside a private network."),
    "unknown_event": N_("There is no such event."),
    "too_many_webhooks": N_("There are as many webhooks as a project may have."),
    "too_many_sources": N_("There are as many sources as a project may have."),
    "webhook_disabled": N_("The webhook is switched off; switch it on first."),
    "name": N_("A source needs a name."),
    "secret": N_("A secret has 8 to 255 characters."),
    "public_keys": N_("These are no public keys as JWKS or PEM."),
    "mapping": N_("This is not a mapping: see the reference of sources."),
    "signing": N_("This does not say how posts are signed: see the reference of sources."),
    "description": N_("This is too long."),
    "end": N_("The end must be after the start."),
    "overlap": N_("Choose how long both secrets sign."),
    "start": N_("Give both days."),
}
"""How refusals are told, by their key or by the field that they name."""

_WORKS = Badge(N_("Works"), "good")
_TROUBLED = Badge(N_("Has trouble"), "wait")
_OFF: Mapping[DisabledReason | None, Badge] = {
    None: Badge(N_("Switched off"), "off"),
    DisabledReason.ASKED: Badge(N_("Switched off"), "off"),
    DisabledReason.GONE: Badge(N_("The receiver is gone"), "bad"),
    DisabledReason.FAILING: Badge(N_("Failed for days"), "bad"),
}


def endpoint_badge(endpoint: Endpoint) -> Badge:
    """Whether a webhook gets anything, and why not."""
    if not endpoint.active:
        return _OFF[endpoint.disabled_reason]
    return _WORKS if endpoint.failing_since is None else _TROUBLED


def source_badge(active: bool) -> Badge:
    """Whether a source is listened to."""
    return _WORKS if active else _OFF[None]
