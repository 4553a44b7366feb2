"""Templates: what comes out, what is refused and with which words, and that nothing runs away."""

from typing import NamedTuple

import msgspec
import pytest

from kaquan.outreach import (
    CampaignFacts,
    CouponFacts,
    CustomerFacts,
    EmailTemplate,
    MessageFacts,
    ShopFacts,
    check_template,
    default_template,
    render_message,
)
from kaquan.outreach.model import Language
from kaquan.runtime import InvalidInput

FACTS = MessageFacts(
    customer=CustomerFacts(name="韩梅梅", source_id="C-7", metadata={"pets": ["cat", "dog"]}),
    coupon=CouponFacts(
        value="满 ¥100 减 ¥20",
        code="SPRING-7K3M",
        expires_on="2026年5月31日",
        wallet_url="https://shop.example/w/abc",
    ),
    campaign=CampaignFacts(name="春季", description="春季回馈"),
    shop=ShopFacts(name="小店"),
    unsubscribe_url="https://shop.example/u/xyz",
)


def template(body: str, *, subject: str = "Hello") -> EmailTemplate:
    leave = "<mj-text>{{ unsubscribe_url }}</mj-text>"
    column = f"<mj-section><mj-column>{body}{leave}</mj-column></mj-section>"
    return EmailTemplate(subject=subject, mjml=f"<mjml><mj-body>{column}</mj-body></mjml>")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_coupon_template_says_all_that_a_shopper_needs(language: Language) -> None:
    message = render_message(default_template(language), FACTS)
    for part in (message.html, message.plain):
        for expected in (
            *("满 ¥100 减 ¥20", "SPRING-7K3M", "2026年5月31日", "韩梅梅", "春季回馈"),
            *("https://shop.example/w/abc", "https://shop.example/u/xyz"),
        ):
            assert expected in part
    assert "满 ¥100 减 ¥20" in message.subject
    assert "小店" in message.subject


def test_the_default_templates_hold_without_name_description_and_expiry() -> None:
    bare = msgspec.structs.replace(
        FACTS,
        customer=CustomerFacts(),
        campaign=CampaignFacts(name="春季"),
        coupon=msgspec.structs.replace(FACTS.coupon, expires_on=""),
    )
    chinese = render_message(default_template("zh"), bare)
    assert chinese.plain.splitlines()[1:3] == ["您好：", "送您一张优惠券"]
    assert "有效期" not in chinese.plain
    english = render_message(default_template("en"), bare)
    assert english.plain.splitlines()[1:3] == ["Hello,", "here is a coupon for you."]


def test_a_message_asks_no_outside_host_for_anything() -> None:
    html = render_message(default_template("en"), FACTS).html
    links = {part.split('"', 1)[0] for part in html.split('="http')[1:]}
    allowed = ("s://shop.example/", "://www.w3.org/1999/xhtml")
    assert links
    assert all(link.startswith(allowed) for link in links)
    assert "@import" not in html
    assert "<link" not in html


def test_what_is_filled_in_is_escaped_in_the_body_and_not_in_the_subject() -> None:
    name = '<a href="https://bad.example">Tom & Jerry</a>'
    facts = msgspec.structs.replace(FACTS, customer=CustomerFacts(name=name))
    message = render_message(
        template("<mj-text>{{ customer.name }}</mj-text>", subject="For {{ customer.name }}"), facts
    )
    assert "<a href" not in message.html
    assert name in message.plain
    assert message.subject == f"For {name}"


def test_a_subject_is_one_line() -> None:
    facts = msgspec.structs.replace(
        FACTS, customer=CustomerFacts(name="Eve\r\nBcc: all@shop.example")
    )
    message = render_message(template("", subject=" For {{ customer.name }} "), facts)
    assert message.subject == "For Eve Bcc: all@shop.example"


def test_loops_over_given_data_and_defaults_work() -> None:
    body = (
        "<mj-text>{% for pet in customer.metadata.pets %}{{ loop.index }} {{ pet | upper }} "
        "{% endfor %}{{ customer.metadata.colour | default('blue') }}</mj-text>"
    )
    assert "1 CAT 2 DOG blue" in render_message(template(body), FACTS).plain


class Refused(NamedTuple):
    name: str
    body: str
    says: str
    subject: str = "Hello"
    field: str = "template.mjml"


REFUSED = [
    Refused("unknown name", "{{ coupn.code }}", "there is no 'coupn' to fill in"),
    Refused("unknown field", "{{ coupon.cod }}", "there is no 'cod'; known: code, expires_on"),
    Refused("missing metadata", "{{ customer.metadata.colour }}", "there is no 'colour'"),
    Refused("way into Python", "{{ customer.__class__ }}", "there is no '__class__'"),
    Refused("method of a dict", "{{ customer.metadata.items }}", "there is no 'items'"),
    Refused("call", "{{ range(9) }}", "'call' cannot be used"),
    Refused("huge range", "{% for i in range(10**9) %}x{% endfor %}", "'call' cannot be used"),
    Refused("huge text", "{{ 'a' * 1000000000 }}", "'mul' cannot be used"),
    Refused("growing variable", "{% set a = 'x' %}", "'assign' cannot be used"),
    Refused("macro", "{% macro a() %}{% endmacro %}", "'macro' cannot be used"),
    Refused("include", "{% include '/etc/passwd' %}", "'include' cannot be used"),
    Refused("unescaping", "{{ customer.name | safe }}", "the filter 'safe' cannot be used"),
    Refused("padding", "{{ 'a' | center(1000000) }}", "the filter 'center' cannot be used"),
    Refused(
        "loops three deep",
        "{% for a in customer.metadata %}" * 3 + "{% endfor %}" * 3,
        "loops may be 2 deep",
    ),
    Refused("deep blocks", "{% if 1 %}" * 60 + "{% endif %}" * 60, "nested too deeply"),
    Refused("deep brackets", "{{" + "(" * 20_000 + "1" + ")" * 20_000 + "}}", "too deeply"),
    Refused("open block", "{% if coupon.code %}", "Unexpected end of template"),
    Refused("broken MJML", "<mj-text>", "not valid MJML"),
    Refused("included file", '<mj-include path="/etc/passwd" />', "not valid MJML"),
    Refused(
        "elements that would overflow the compiler's stack",
        "<mj-raw>" + "<div>" * 7_000 + "</div>" * 7_000 + "</mj-raw>",
        "nested 100 deep",
    ),
    Refused("too long", "x" * 100_000, "At most 100,000 characters"),
    Refused("long subject", "", "longer than 200", subject="x" * 201, field="template.subject"),
    Refused("no subject", "", "The subject is empty", subject="  ", field="template.subject"),
    Refused("broken subject", "", "Line 1", subject="{{", field="template.subject"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_template_that_cannot_be_used_is_refused_with_the_place(case: Refused) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_template(template(case.body, subject=case.subject))
    assert case.says in caught.value.message
    assert caught.value.field == case.field


def test_a_template_without_a_way_out_is_refused() -> None:
    body = "<mjml><mj-body><mj-text>Buy</mj-text></mj-body></mjml>"
    with pytest.raises(InvalidInput) as caught:
        check_template(EmailTemplate(subject="Buy", mjml=body))
    assert caught.value.message == "The message needs a link to {{ unsubscribe_url }}."


def test_a_loop_stops_at_the_size_a_message_may_have() -> None:
    facts = msgspec.structs.replace(
        FACTS, customer=CustomerFacts(metadata={"many": list(range(10_000))})
    )
    loops = "{% for a in customer.metadata.many %}{% for b in customer.metadata.many %}x"
    body = f"<mj-text>{loops}{{% endfor %}}{{% endfor %}}</mj-text>"
    with pytest.raises(InvalidInput) as caught:
        render_message(template(body), facts)
    assert caught.value.message == "The text is longer than 200,000 characters."
