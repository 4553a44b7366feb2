"""The coupon message that is sent when nobody wrote another one."""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

from kaquan.outreach.model import EmailTemplate, Language

_SUBJECTS: Mapping[Language, str] = {
    "zh": "{{ shop.name }}送您一张券：{{ coupon.value | truncate(80) }}",
    "en": "{{ coupon.value | truncate(80) }}: a coupon from {{ shop.name }}",
}


@lru_cache
def default_template(language: Language) -> EmailTemplate:
    """Return the template for a coupon: its value, code, expiry, link, and how to unsubscribe."""
    body = files("kaquan.outreach").joinpath("templates", f"coupon.{language}.mjml")
    return EmailTemplate(
        subject=_SUBJECTS[language], mjml=body.read_text("utf-8"), language=language
    )
