"""Leaves of a tree in words, Chinese and English, as an explanation or a page shows them."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import cast
from zoneinfo import ZoneInfo

import msgspec

from kaquan.runtime import format_money
from kaquan.segments.attributes import Operator, ValueKind
from kaquan.segments.deeds import DEEDS, Measure
from kaquan.segments.model import (
    Aggregate,
    Ago,
    AllOf,
    Anniversary,
    AnyOf,
    Bound,
    CalendarUnit,
    Comparison,
    Consented,
    Deed,
    InSegment,
    Leaf,
    Listed,
    NotOf,
    Rule,
    Sample,
    StartOf,
    Window,
)
from kaquan.segments.rfm import RFM_BANDS

_SHOWN = 8
_OPERATORS: Mapping[Operator, tuple[str, str]] = {
    Operator.IS: ("{what}为 {value}", "{what} is {value}"),
    Operator.IN: ("{what}属于 {value}", "{what} is one of {value}"),
    Operator.CONTAINS: ("{what}包含 {value}", "{what} contains {value}"),
    Operator.STARTS_WITH: ("{what}以 {value} 开头", "{what} begins with {value}"),
    Operator.LESS_THAN: ("{what}小于 {value}", "{what} below {value}"),
    Operator.AT_MOST: ("{what}不超过 {value}", "{what} at most {value}"),
    Operator.MORE_THAN: ("{what}大于 {value}", "{what} above {value}"),
    Operator.AT_LEAST: ("{what}不低于 {value}", "{what} at least {value}"),
    Operator.BEFORE: ("{what}早于 {value}", "{what} before {value}"),
    Operator.AFTER: ("{what}晚于 {value}", "{what} after {value}"),
    Operator.WITHIN_DAYS: ("{what}在最近 {value} 天内", "{what} within the last {value} days"),
    Operator.NOT_WITHIN_DAYS: ("{what}在 {value} 天以前", "{what} longer than {value} days ago"),
    Operator.WITHIN_NEXT_DAYS: (
        "{what}在未来 {value} 天内",
        "{what} within the next {value} days",
    ),
    Operator.HAS_VALUE: ("{what}已填写", "{what} is known"),
    Operator.HAS_NO_VALUE: ("{what}未填写", "{what} is not known"),
}
_MEASURES: Mapping[Measure, tuple[str, str]] = {
    Measure.COUNT: ("{deeds}次数", "number of: {deeds}"),
    Measure.SUM: ("{deeds}的{of}合计", "sum of {of} of: {deeds}"),
    Measure.AVERAGE: ("{deeds}的平均{of}", "average {of} of: {deeds}"),
    Measure.DISTINCT: ("{deeds}的不同{of}数", "number of different {of} of: {deeds}"),
    Measure.FIRST: ("首次{deeds}时间", "first: {deeds}"),
    Measure.LAST: ("最近{deeds}时间", "latest: {deeds}"),
    Measure.DAYS_SINCE: ("距上次{deeds}天数", "days since: {deeds}"),
}
_UNITS: Mapping[CalendarUnit, tuple[str, str]] = {
    CalendarUnit.DAY: ("日", "day"),
    CalendarUnit.WEEK: ("周", "week"),
    CalendarUnit.MONTH: ("月", "month"),
    CalendarUnit.QUARTER: ("季度", "quarter"),
    CalendarUnit.YEAR: ("年", "year"),
}


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """In which language (``zh`` or ``en``) and currency to speak, and names of segments by id."""

    language: str
    currency: str
    zone: ZoneInfo
    segments: Mapping[str, str]


def describe_leaf(rule: Leaf, wording: Wording) -> str:
    """Return what a leaf asks, as a phrase."""
    return _Speaker(wording).leaf(rule)


def describe_found(found: object, rule: Comparison | Aggregate, wording: Wording) -> str:
    """Return a value that was found for a leaf (as JSON has it) as a person reads it."""
    value = found
    if rule.kind is ValueKind.TIME and isinstance(found, str):
        value = datetime.fromisoformat(found)
    return _Speaker(wording).found(value, rule)


class _Speaker:
    def __init__(self, wording: Wording) -> None:
        self._wording = wording
        self._english = 1 if wording.language == "en" else 0

    def leaf(self, rule: Leaf) -> str:
        match rule:
            case Comparison():
                return self._test(self._name(rule), rule)
            case Aggregate():
                return self._aggregate(rule)
            case InSegment(references):
                names = [self._wording.segments.get(one, one) for one in references]
                return self._say(
                    "在客群 {names} 中", "in the segment {names}", names=self._list(names)
                )
            case Anniversary():
                return self._anniversary(rule)
            case Consented():
                return self._say(
                    "同意通过 {channel} 接收（用途：{purpose}）",
                    "agreed to be contacted by {channel} for {purpose}",
                    channel=rule.channel,
                    purpose=rule.purpose,
                )
            case Listed(references):
                return self._say(
                    "在 {count} 位客户的名单中",
                    "on a list of {count} customers",
                    count=len(references),
                )
            case Sample():
                return self._say(
                    "在随机抽样的 {low}%–{high}% 中",
                    "in the random sample from {low} % to {high} %",
                    low=rule.low,
                    high=rule.high,
                )

    def found(self, value: object, rule: Comparison | Aggregate) -> str:
        if isinstance(value, str):
            return self._band(rule, value) or value
        if isinstance(value, list):
            return self._list([str(one) for one in cast("list[object]", value)])
        return self._value(value, rule.kind)

    def _say(self, chinese: str, english: str, **values: object) -> str:
        return (chinese, english)[self._english].format(**values)

    def _name(self, rule: Comparison) -> str:
        label = (rule.attribute.label_zh, rule.attribute.label_en)[self._english]
        return label if rule.key is None else f"{label} {rule.key}"

    def _test(self, what: str, rule: Comparison | Aggregate) -> str:
        operand = rule.operand
        if isinstance(operand, tuple):
            value = self._list([self._text(one, rule) for one in operand])
        else:
            value = self._text(operand, rule)
        return self._say(*_OPERATORS[rule.operator], what=what, value=value)

    def _text(self, value: object, rule: Comparison | Aggregate) -> str:
        band = self._band(rule, value) if isinstance(value, str) else None
        return band or self._value(value, rule.kind)

    def _band(self, rule: Comparison | Aggregate, code: str) -> str | None:
        if not isinstance(rule, Comparison) or rule.attribute.code != "rfm.band":
            return None
        names = {band.code: (band.label_zh, band.label_en) for band in RFM_BANDS}
        return names[code][self._english] if code in names else None

    def _value(self, value: object, kind: ValueKind) -> str:
        match value:
            case bool():
                return self._say("是", "yes") if value else self._say("否", "no")
            case int() if kind is ValueKind.MONEY:
                wording = self._wording
                return format_money(value, currency=wording.currency, language=wording.language)
            case datetime():
                return value.astimezone(self._wording.zone).strftime("%Y-%m-%d %H:%M")
            case str():
                return f"“{value}”"
            case _:
                return str(value)

    def _list(self, values: list[str]) -> str:
        shown = self._say("、", ", ").join(values[:_SHOWN])
        rest = len(values) - _SHOWN
        if rest <= 0:
            return shown
        return self._say("{shown}等 {rest} 项", "{shown} and {rest} more", shown=shown, rest=rest)

    def _aggregate(self, rule: Aggregate) -> str:
        of = rule.of
        named = "" if of is None else (of.attribute.label_zh, of.attribute.label_en)[self._english]
        if of is not None and of.key is not None:
            named = f"{named} {of.key}"
        what = self._say(*_MEASURES[rule.measure], deeds=self._deed(rule.deed), of=named)
        return self._test(what, rule)

    def _deed(self, deed: Deed) -> str:
        of = DEEDS[deed.kind]
        parts = [(of.label_zh, of.label_en)[self._english]]
        if deed.name is not None:
            parts.append(f"“{deed.name}”")
        if deed.window != Window():
            parts.append(self._window(deed.window))
        conditions = self._rule(deed.where)
        if conditions:
            parts.append(f"({conditions})")
        return " ".join(parts)

    def _rule(self, rule: Rule) -> str:
        match rule:
            case AllOf(rules):
                return self._say("且", " and ").join(self._rule(one) for one in rules)
            case AnyOf(rules):
                inner = self._say("或", " or ").join(self._rule(one) for one in rules)
                return f"({inner})" if rules else self._say("无", "none")
            case NotOf(inner):
                return self._say("非（{rule}）", "not ({rule})", rule=self._rule(inner))
            case _:
                return self.leaf(rule)

    def _window(self, window: Window) -> str:
        match window:
            case Window(start=Ago(days=days, hours=0), end=None):
                return self._say("最近 {n} 天", "within the last {n} days", n=days)
            case Window(start=Ago(days=0, hours=hours), end=None):
                return self._say("最近 {n} 小时", "within the last {n} hours", n=hours)
            case _:
                start, end = self._bound(window.start), self._bound(window.end)
                return self._say("{start} 至 {end}", "from {start} to {end}", start=start, end=end)

    def _bound(self, bound: Bound | None) -> str:
        match bound:
            case None:
                return "…"
            case Ago():
                return self._say(
                    "{days} 天 {hours} 小时前",
                    "{days} days {hours} hours ago",
                    days=bound.days,
                    hours=bound.hours,
                )
            case StartOf():
                unit = _UNITS[bound.unit][self._english]
                if bound.back == 0:
                    return self._say("本{unit}初", "the start of this {unit}", unit=unit)
                return self._say(
                    "{n} {unit}前的{unit}初",
                    "the start of the {unit} {n} before",
                    unit=unit,
                    n=bound.back,
                )
            case date():
                return self._value(bound, ValueKind.TIME)

    def _anniversary(self, rule: Anniversary) -> str:
        label = (rule.attribute.label_zh, rule.attribute.label_en)[self._english]
        return self._say(
            "{label}的周年日在今天起第 {first} 至 {last} 天",
            "anniversary of {label} from {first} to {last} days from today",
            label=label,
            first=rule.first,
            last=rule.last,
        )
