"""A segment's rule in words: one line a condition, indented as the rule is nested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal

import msgspec

from kaquan.console import formats
from kaquan.console.language import N_, Language, translations
from kaquan.console.page import PageView
from kaquan.insight.models import is_amount, name_prediction
from kaquan.runtime import format_money
from kaquan.segments import (
    RFM_BANDS,
    AllOf,
    AnyOf,
    Attribute,
    Comparison,
    InSegment,
    Leaf,
    NotOf,
    Operator,
    Rule,
    ValueKind,
    Wording,
    describe_leaf,
)

_OPERATORS: Mapping[Operator, str] = {
    Operator.IS: N_("%(what)s is %(value)s"),
    Operator.IS_NOT: N_("%(what)s is not %(value)s"),
    Operator.IN: N_("%(what)s is one of %(value)s"),
    Operator.NOT_IN: N_("%(what)s is none of %(value)s"),
    Operator.CONTAINS: N_("%(what)s contains %(value)s"),
    Operator.STARTS_WITH: N_("%(what)s begins with %(value)s"),
    Operator.LESS_THAN: N_("%(what)s below %(value)s"),
    Operator.AT_MOST: N_("%(what)s at most %(value)s"),
    Operator.MORE_THAN: N_("%(what)s above %(value)s"),
    Operator.AT_LEAST: N_("%(what)s at least %(value)s"),
    Operator.BEFORE: N_("%(what)s before %(value)s"),
    Operator.AFTER: N_("%(what)s after %(value)s"),
    Operator.WITHIN_DAYS: N_("%(what)s within the last %(value)s days"),
    Operator.NOT_WITHIN_DAYS: N_("%(what)s longer than %(value)s days ago"),
    Operator.WITHIN_NEXT_DAYS: N_("%(what)s within the next %(value)s days"),
    Operator.HAS_VALUE: N_("%(what)s is known"),
    Operator.HAS_NO_VALUE: N_("%(what)s is not known"),
}
# Exactly the opposite, also for customers who have no value; the others have none such.
_OPPOSITES = {
    Operator.IS: Operator.IS_NOT,
    Operator.IN: Operator.NOT_IN,
    Operator.HAS_VALUE: Operator.HAS_NO_VALUE,
    Operator.HAS_NO_VALUE: Operator.HAS_VALUE,
}
MOST_VALUES = 8


class RuleLine(msgspec.Struct, frozen=True):
    """One line of the rule; `depth` counts from 0, a line with `heads` is followed by its parts."""

    depth: int
    text: str
    heads: bool = False


def rule_lines(rule: Rule, *, page: PageView, segments: Mapping[str, str]) -> list[RuleLine]:
    """The rule in the page's language; `segments` names other segments by id."""
    return list(_Speaker(page, segments).lines(rule, depth=0, negated=False))


def _is_amount(rule: Comparison) -> bool:
    return rule.attribute.code == "score" and is_amount(rule.key or "")


class _Speaker:
    def __init__(self, page: PageView, segments: Mapping[str, str]) -> None:
        self._page = page
        self._segments = segments
        self._say = translations(page.language).gettext

    def lines(self, rule: Rule, *, depth: int, negated: bool) -> Iterator[RuleLine]:
        match rule:
            case AllOf():
                yield from self._group(rule.rules, depth, self._all(rule, negated))
            case AnyOf():
                yield from self._group(rule.rules, depth, self._any(rule, negated))
            case NotOf():
                yield from self.lines(rule.rule, depth=depth, negated=not negated)
            case InSegment():
                yield RuleLine(depth, self._membership(rule, negated))
            case Comparison():
                yield RuleLine(depth, self._comparison(rule, negated))
            case _:
                yield RuleLine(depth, self._own_form(rule, negated))

    def _group(self, rules: tuple[Rule, ...], depth: int, heading: str) -> Iterator[RuleLine]:
        yield RuleLine(depth, heading, heads=bool(rules))
        for part in rules:
            yield from self.lines(part, depth=depth + 1, negated=False)

    def _all(self, rule: AllOf, negated: bool) -> str:
        if not rule.rules:
            return self._say(N_("Nobody")) if negated else self._say(N_("Every customer"))
        return (
            self._say(N_("At least one of these does not hold:"))
            if negated
            else self._say(N_("All of these hold:"))
        )

    def _any(self, rule: AnyOf, negated: bool) -> str:
        if not rule.rules:
            return self._say(N_("Every customer")) if negated else self._say(N_("Nobody"))
        return (
            self._say(N_("None of these holds:"))
            if negated
            else self._say(N_("At least one of these holds:"))
        )

    def _membership(self, rule: InSegment, negated: bool) -> str:
        names = self._joined([self._segments.get(one, one) for one in rule.references])
        text = N_("not in the segment %(names)s") if negated else N_("in the segment %(names)s")
        return self._say(text) % {"names": names}

    def _comparison(self, rule: Comparison, negated: bool) -> str:
        operator = _OPPOSITES.get(rule.operator) if negated else rule.operator
        text = self._say(_OPERATORS[operator or rule.operator]) % {
            "what": self._what(rule),
            "value": "" if rule.operand is None else self._operand(rule),
        }
        return text if operator else self._say(N_("not: %(text)s")) % {"text": text}

    def _what(self, rule: Comparison) -> str:
        if rule.key is None:
            return self._label(rule.attribute)
        if rule.attribute.code == "score":
            return name_prediction(rule.key, self._page.language.value)
        return rule.key

    def _own_form(self, rule: Leaf, negated: bool) -> str:
        page = self._page
        text = describe_leaf(
            rule,
            Wording(
                language=page.language,
                currency=page.currency,
                zone=page.zone,
                segments=self._segments,
            ),
        )
        return self._say(N_("not: %(text)s")) % {"text": text} if negated else text

    def _operand(self, rule: Comparison) -> str:
        operand = rule.operand
        if isinstance(operand, tuple):
            return self._joined([self._value(one, rule) for one in operand])
        return self._value(operand, rule)

    def _value(self, value: object, rule: Comparison) -> str:
        page = self._page
        match value:
            case bool():
                return self._say(N_("yes")) if value else self._say(N_("no"))
            case int() if rule.kind is ValueKind.MONEY:
                return format_money(value, currency=page.currency, language=page.language)
            case datetime():
                return formats.moment(value, language=page.language, zone=page.zone)
            case date():
                return formats.day(value, language=page.language, zone=page.zone)
            case Decimal() | int() if _is_amount(rule):
                return format_money(round(value), currency=page.currency, language=page.language)
            case Decimal() | int():
                return f"{value:,}"
            case _:
                return self._text(str(value), rule)

    def _text(self, value: str, rule: Comparison) -> str:
        if rule.attribute.code == "rfm.band":
            for band in RFM_BANDS:
                if band.code == value:
                    return band.label_zh if self._is_chinese else band.label_en
        return f"“{value}”"

    def _label(self, attribute: Attribute) -> str:
        return attribute.label_zh if self._is_chinese else attribute.label_en

    @property
    def _is_chinese(self) -> bool:
        return self._page.language is Language.ZH

    def _joined(self, values: list[str]) -> str:
        shown = ("、" if self._is_chinese else ", ").join(values[:MOST_VALUES])
        rest = len(values) - MOST_VALUES
        return (
            shown
            if rest <= 0
            else self._say(N_("%(shown)s and %(count)d more")) % {"shown": shown, "count": rest}
        )
