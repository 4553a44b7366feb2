"""The rules of an offer as sentences for the person who holds the coupon."""

from __future__ import annotations

from collections.abc import Callable

from kaquan.console import N_, Language, translations
from kaquan.engine import (
    AllOf,
    AnyOf,
    FirstOrder,
    HasItems,
    InSegment,
    MinimumSpend,
    MoneyFormatter,
    Node,
    Not,
    Offer,
    PerCustomerCount,
    list_needed,
)

Say = Callable[[str], str]

_OTHER_RULE = N_("Further rules apply; staff can check the coupon for you")


def list_terms(
    offer: Offer, *, per_customer_cap: int | None, language: Language, money: MoneyFormatter
) -> tuple[str, ...]:
    """What has to be so for the coupon to be accepted, a sentence a rule, none twice."""
    say = translations(language).gettext
    lines = [_sentence(rule, say, money) for rule in list_needed(offer.condition)]
    if not offer.effect.is_for_everything:
        lines.insert(0, say(N_("For selected goods only")))
    if per_customer_cap is not None:
        lines.append(_cap(per_customer_cap, say))
    return tuple(dict.fromkeys(lines))


def _sentence(node: Node, say: Say, money: MoneyFormatter) -> str:
    match node:
        case MinimumSpend():
            text = (
                N_("Spend at least %(amount)s")
                if node.scope.is_everything()
                else N_("Spend at least %(amount)s on selected goods")
            )
            return say(text) % {"amount": money(node.amount_minor)}
        case HasItems():
            text = (
                N_("At least %(count)s items in the cart")
                if node.scope.is_everything()
                else N_("At least %(count)s of the selected goods in the cart")
            )
            return say(text) % {"count": node.quantity}
        case InSegment():
            return say(N_("For invited customers"))
        case FirstOrder():
            return say(N_("For your first order"))
        case PerCustomerCount():
            return _cap(node.at_most, say)
        case AnyOf():
            choices = (_sentence(member, say, money) for member in node.members)
            return say(N_("One of these: %(choices)s")) % {
                "choices": say(N_("; ")).join(dict.fromkeys(choices))
            }
        case AllOf():
            return say(N_(" and ")).join(_sentence(rule, say, money) for rule in list_needed(node))
        case Not():
            return _negated(node.member, say)
        case _:
            return say(_OTHER_RULE)


def _negated(node: Node, say: Say) -> str:
    match node:
        case FirstOrder():
            return say(N_("Not for your first order"))
        case InSegment():
            return say(N_("Not for some groups of customers"))
        case HasItems():
            return say(N_("Not together with some goods"))
        case _:
            return say(_OTHER_RULE)


def _cap(at_most: int, say: Say) -> str:
    return say(N_("At most %(count)s per person")) % {"count": at_most}
