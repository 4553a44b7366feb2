"""What an offer means, in words: what it does, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kaquan.console.language import N_, Language, translations
from kaquan.console.page import PageView
from kaquan.console.pages.argument_shapes import Shape, condition_shapes, effect_shapes, summaries
from kaquan.console.pages.argument_texts import Terms, write_arguments
from kaquan.console.pages.campaign_rules import RULES, write_rules
from kaquan.console.pages.words_of_offers import (
    CONDITIONS,
    EFFECTS,
    argument_word,
    choice_word,
)
from kaquan.engine import parse_offer
from kaquan.outreach import offer_sentence
from kaquan.runtime import format_money

SPOKEN = frozenset({"amount_off", "percent_off", "threshold_off", "printed_value"})
"""Effects for which customers get a sentence of their own."""


def tell_campaign(offer: Mapping[str, Any], *, page: PageView, segments: Mapping[str, str]) -> str:
    """One sentence; ``segments`` names segments by id."""
    say = translations(page.language).gettext
    terms = Terms(currency=page.currency, zone=page.zone.key)
    effect = offer["effect"]
    if effect["code"] in SPOKEN:
        bare = {"id": "draft", "effect": effect}
        text = offer_sentence(
            parse_offer(bare), language=page.language.value, currency=page.currency
        )
    else:
        shapes = effect_shapes()[effect["code"]]
        text = _part(effect, shapes, EFFECTS, page=page, segments=segments)
    written = write_rules(offer.get("condition"), terms)
    if "rules_json" in written:
        return say(N_("%(offer)s, under the rules written below")) % {"offer": text}
    count = int(written[f"{RULES}#"])
    if not count:
        return text
    told = ""
    for number, leaf in enumerate(_leaves(offer["condition"])):
        prefix = f"{RULES}.{number}"
        word = _part(
            leaf, condition_shapes()[leaf["code"]], CONDITIONS, page=page, segments=segments
        )
        if written.get(f"{prefix}.negated"):
            word = say(N_("not: %(text)s")) % {"text": word}
        joint = say(N_(", or ")) if written[f"{prefix}.join"] == "or" else say(N_(", and "))
        told += (joint if number else "") + word
    return say(N_("%(offer)s, if: %(rules)s")) % {"offer": text, "rules": told}


def _leaves(node: Mapping[str, Any]) -> list[Any]:
    for key in ("all", "any"):
        if key in node:
            return [leaf for member in node[key] for leaf in _leaves(member)]
    return _leaves(node["not"]) if "not" in node else [node]


def _part(
    part: Mapping[str, Any],
    shapes: Sequence[Shape],
    known: Mapping[str, str],
    *,
    page: PageView,
    segments: Mapping[str, str],
) -> str:
    say = translations(page.language).gettext
    code = part["code"]
    word = say(known[code]) if code in known else summaries()[code]
    told = [
        f"{say(argument_word(code, shape.key))} {_value(part[shape.key], shape, code, page=page, segments=segments)}"
        for shape in shapes
        if shape.key in part
        and shape.key != "message"
        and shape.kind not in ("group", "rows", "pairs", "json", "flag", "days")
    ]
    if not told:
        return word
    chinese = page.language is Language.ZH
    return f"{word}（{'，'.join(told)}）" if chinese else f"{word} ({', '.join(told)})"


def _value(
    value: Any, shape: Shape, code: str, *, page: PageView, segments: Mapping[str, str]
) -> str:
    say = translations(page.language).gettext
    if shape.kind == "money":
        return format_money(value, currency=page.currency, language=page.language)
    if shape.kind == "choice":
        return say(choice_word(code, shape.key, value))
    if shape.kind == "many":
        some = [str(one) for one in value]
        shown = ("、" if page.language is Language.ZH else ", ").join(some[:5])
        return shown + (" …" if len(some) > 5 else "")
    terms = Terms(currency=page.currency, zone=page.zone.key)
    text = next(iter(write_arguments([shape], "", {shape.key: value}, terms).values()), "")
    if shape.key == "segment_id":
        return f"“{segments.get(text, text)}”"
    return text + {"percent": "%", "times": "×"}.get(shape.kind, "")
