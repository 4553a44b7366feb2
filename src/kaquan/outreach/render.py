"""Making a message of a template: Jinja2 in the sandbox, then MJML to HTML by mrml."""

import re

import mrml
import msgspec

from kaquan.outreach.model import (
    CampaignFacts,
    CouponFacts,
    CustomerFacts,
    EmailTemplate,
    MessageFacts,
    RenderedMessage,
    ShopFacts,
)
from kaquan.outreach.plain_text import plain_text
from kaquan.outreach.sandbox import Sandbox
from kaquan.runtime import InvalidInput

LONGEST_SUBJECT = 200
LONGEST_SUBJECT_TEMPLATE = 1_000
LONGEST_TEMPLATE = 100_000
LONGEST_MJML = 200_000
LONGEST_HTML = 500_000
# mrml descends a native stack frame per element; a few thousand would end the process.
DEEPEST_MJML = 100

_NAMES = frozenset(MessageFacts.__struct_fields__)
_SUBJECTS = Sandbox(escape=False, names=_NAMES)
_BODIES = Sandbox(escape=True, names=_NAMES)
_TAG = re.compile(
    r"""<(?P<close>/?)(?P<name>[A-Za-z][^\s/<>"']*)"""
    r"""(?:(?P<attributes>(?:[^"'<>]|"[^"]*"|'[^']*')*)>)?"""
)
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)
# Without fonts of its own mrml would make mail programs ask an outside host for them.
_OPTIONS = mrml.RenderOptions(disable_comments=True, fonts={})

_SAMPLE = MessageFacts(
    customer=CustomerFacts(name="Li Lei", source_id="C-1001"),
    coupon=CouponFacts(
        value="¥20 off",
        code="SAMPLE-CODE",
        expires_on="31 May 2026",
        wallet_url="https://shop.example/w/sample",
    ),
    campaign=CampaignFacts(name="Sample campaign", description="A sample"),
    shop=ShopFacts(name="Sample shop"),
    unsubscribe_url="https://shop.example/u/sample",
)


def check_template(template: EmailTemplate) -> RenderedMessage:
    """Return the template filled in with a sample; what can be wrong with it shows here.

    Raises InvalidInput with the field (``template.subject`` or ``template.mjml``), also for a
    body without a link to unsubscribe. A field of ``customer.metadata`` may be missing for some
    readers, as it is for the sample, and therefore needs ``| default('…')``.
    """
    _check_size(template.mjml, LONGEST_TEMPLATE, field="template.mjml")
    if "unsubscribe_url" not in _BODIES.names_in(template.mjml, field="template.mjml"):
        message = "The message needs a link to {{ unsubscribe_url }}."
        raise InvalidInput(message, field="template.mjml")
    return render_message(template, _SAMPLE)


def render_message(template: EmailTemplate, facts: MessageFacts) -> RenderedMessage:
    """Fill in a template and compile its body to HTML, with the same as plain text.

    What is filled in is escaped in the body. Raises InvalidInput with the field for a template
    that is too long, is not understood, names something unknown, or is not MJML.
    """
    _check_size(template.subject, LONGEST_SUBJECT_TEMPLATE, field="template.subject")
    _check_size(template.mjml, LONGEST_TEMPLATE, field="template.mjml")
    filled = msgspec.to_builtins(facts)
    subject = " ".join(
        _SUBJECTS.fill_in(
            template.subject, filled, field="template.subject", most_characters=LONGEST_SUBJECT
        ).split()
    )
    if not subject:
        raise InvalidInput("The subject is empty.", field="template.subject")
    mjml = _BODIES.fill_in(
        template.mjml, filled, field="template.mjml", most_characters=LONGEST_MJML
    )
    html = _compile(mjml)
    return RenderedMessage(subject=subject, html=html, plain=plain_text(html))


def _compile(mjml: str) -> str:
    if _depth(mjml) > DEEPEST_MJML:
        message = f"Elements may be nested {DEEPEST_MJML} deep."
        raise InvalidInput(message, field="template.mjml")
    try:
        html = mrml.to_html(mjml, None, _OPTIONS).content
    except OSError as error:
        message = f"The body is not valid MJML: {error}."
        raise InvalidInput(message, field="template.mjml") from error
    _check_size(html, LONGEST_HTML, field="template.mjml")
    return html


def _depth(mjml: str) -> int:
    """How deeply elements are nested, or more where the text is not well-formed."""
    depth = deepest = 0
    for tag in _TAG.finditer(mjml):
        if tag["close"]:
            depth = max(depth - 1, 0)
        elif tag["name"].lower() not in _VOID and not (tag["attributes"] or "").endswith("/"):
            depth += 1
            deepest = max(deepest, depth)
    return deepest


def _check_size(text: str, most: int, *, field: str) -> None:
    if len(text) > most:
        message = f"At most {most:,} characters are allowed."
        raise InvalidInput(message, field=field)
