"""What the segment builder offers: fields, operators and windows, from the language's own lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kaquan.console import formats
from kaquan.console.language import N_, Language, translations
from kaquan.console.page import PageView
from kaquan.console.pages.model_uplift import experiment_names
from kaquan.console.pages.words import CHANNELS
from kaquan.insight.models import is_amount, name_prediction
from kaquan.runtime import Tx, list_schemas, minor_digits
from kaquan.segments import (
    ATTRIBUTES,
    DEEDS,
    METADATA_PREFIX,
    OPERATORS,
    RFM_BANDS,
    Attribute,
    CalendarUnit,
    DeedKind,
    DeedType,
    KnownKey,
    Measure,
    Operator,
    ValueKind,
    list_channels,
    list_customer_keys,
    list_deed_keys,
    list_event_names,
    list_prediction_names,
    list_segments,
)

OPERATOR_WORDS: Mapping[Operator, str] = {
    Operator.IS: N_("is"),
    Operator.IS_NOT: N_("is not"),
    Operator.IN: N_("is one of"),
    Operator.NOT_IN: N_("is none of"),
    Operator.CONTAINS: N_("contains"),
    Operator.STARTS_WITH: N_("begins with"),
    Operator.LESS_THAN: N_("below"),
    Operator.AT_MOST: N_("at most"),
    Operator.MORE_THAN: N_("above"),
    Operator.AT_LEAST: N_("at least"),
    Operator.BEFORE: N_("before"),
    Operator.AFTER: N_("after"),
    Operator.WITHIN_DAYS: N_("within the last days"),
    Operator.NOT_WITHIN_DAYS: N_("longer ago than days"),
    Operator.WITHIN_NEXT_DAYS: N_("within the next days"),
    Operator.BETWEEN: N_("between"),
    Operator.HAS_VALUE: N_("is known"),
    Operator.HAS_NO_VALUE: N_("is not known"),
}
_SHAPES: Mapping[Operator, str] = {
    Operator.HAS_VALUE: "none",
    Operator.HAS_NO_VALUE: "none",
    Operator.IN: "list",
    Operator.NOT_IN: "list",
    Operator.BETWEEN: "two",
    Operator.WITHIN_DAYS: "days",
    Operator.NOT_WITHIN_DAYS: "days",
    Operator.WITHIN_NEXT_DAYS: "days",
}
_MEASURES: Mapping[Measure, str] = {
    Measure.COUNT: N_("Number"),
    Measure.SUM: N_("Sum"),
    Measure.AVERAGE: N_("Average"),
    Measure.DISTINCT: N_("Number of different"),
    Measure.FIRST: N_("Time of the first"),
    Measure.LAST: N_("Time of the latest"),
    Measure.DAYS_SINCE: N_("Days since the latest"),
}
_UNITS: Mapping[CalendarUnit, str] = {
    CalendarUnit.DAY: N_("day"),
    CalendarUnit.WEEK: N_("week"),
    CalendarUnit.MONTH: N_("month"),
    CalendarUnit.QUARTER: N_("quarter"),
    CalendarUnit.YEAR: N_("year"),
}
_CHOICES: Mapping[str, str] = {
    "high": N_("high"),
    "mid": N_("middle"),
    "low": N_("low"),
    "prospect": N_("has not bought yet"),
    "new": N_("bought for the first time lately"),
    "active": N_("active"),
    "at_risk": N_("at risk"),
    "lapsed": N_("lapsed"),
    "CREATED": N_("Not paid"),
    "PAID": N_("Paid"),
    "FULFILLED": N_("Completed"),
    "CANCELED": N_("Cancelled"),
    "PARTIALLY_RETURNED": N_("Partly returned"),
    "RETURNED": N_("Returned"),
}
_DATES = ("birth_date", "created_at", "first_order_at")
WORDS: Mapping[str, str] = {
    "all": N_("All of these hold"),
    "any": N_("At least one of these holds"),
    "none": N_("None of these holds"),
    "not_all": N_("At least one of these does not hold"),
    "add": N_("Add a condition"),
    "add_group": N_("Add a group"),
    "remove": N_("Remove"),
    "up": N_("Move up"),
    "down": N_("Move down"),
    "not": N_("not"),
    "field": N_("Field"),
    "operator": N_("Comparison"),
    "value": N_("Value"),
    "from": N_("from"),
    "to": N_("to"),
    "and": N_("and"),
    "key": N_("Name of the field"),
    "type": N_("Kind of value"),
    "text": N_("Text"),
    "number": N_("Number"),
    "boolean": N_("Yes or no"),
    "date": N_("Date"),
    "yes": N_("yes"),
    "no": N_("no"),
    "days": N_("days"),
    "hours": N_("hours"),
    "profile": N_("Customer"),
    "custom": N_("Own fields"),
    "scores": N_("Predictions"),
    "behaviour": N_("What they did"),
    "contact": N_("Contact"),
    "special": N_("Others"),
    "other_key": N_("Another own field"),
    "done": N_("Has done"),
    "not_done": N_("Has never done"),
    "aggregate": N_("Figure of what they did"),
    "deed": N_("What"),
    "measure": N_("Figure"),
    "of": N_("of"),
    "event_name": N_("Name of the event"),
    "times": N_("How often"),
    "once": N_("at least once"),
    "exactly": N_("exactly"),
    "times_word": N_("times"),
    "where": N_("Only those where"),
    "window": N_("When"),
    "any_time": N_("at any time"),
    "last_days": N_("in the last days"),
    "last_hours": N_("in the last hours"),
    "this": N_("in the current"),
    "span": N_("from … to …"),
    "open_end": N_("no limit"),
    "on_date": N_("date"),
    "days_ago": N_("days ago"),
    "hours_ago": N_("hours ago"),
    "start_of": N_("start of the"),
    "back": N_("earlier by"),
    "birthday": N_("Birthday"),
    "anniversary": N_("Anniversary"),
    "days_from_today": N_("days from today"),
    "consent": N_("Agreed to be contacted"),
    "reachable": N_("Can be reached"),
    "channel": N_("Channel"),
    "purpose": N_("Purpose"),
    "room": N_("Only with fewer than so many messages"),
    "in_days": N_("in days"),
    "customers": N_("On a list of customers"),
    "ids": N_("Ids, one a line"),
    "sample": N_("Random sample"),
    "percent": N_("percent"),
    "salt": N_("Name of the draw"),
    "list_hint": N_("Separate several with commas or lines."),
    "empty_all": N_("Nothing is asked: every customer."),
    "empty_any": N_("Nothing is asked: nobody."),
    "json_at": N_("This is not JSON: line %(line)s, column %(column)s."),
    "json_object": N_("A rule is a JSON object in braces."),
    "copied": N_("Copied"),
    "condition": N_("Condition"),
    "group": N_("Group"),
}
"""What the builder's script says, by its own names."""


async def read_catalogue(tx: Tx, *, page: PageView, own_id: str = "") -> dict[str, Any]:
    """All that the builder's script draws its fields from, in the reader's language.

    ``own_id`` is a segment that must not be offered because it is the one being changed.
    """
    teller = _Teller(page)
    known = await list_customer_keys(tx)
    said = {one.key for one in known}
    for schema in await list_schemas(tx):
        if schema.subject == "customer":
            known += [
                KnownKey(key=key, kind=_JSON_TYPES.get(of.type, "string"))
                for key, of in schema.properties.items()
                if key not in said and not of.deleted
            ]
    predictions = await list_prediction_names(tx)
    tried = await experiment_names(tx, predictions)
    deed_keys = await list_deed_keys(tx)
    segments = [one for one in await list_segments(tx) if one.id != own_id]
    channels = list(dict.fromkeys([*CHANNELS, *await list_channels(tx)]))
    return {
        "attributes": [teller.attribute(one) for one in ATTRIBUTES.values()],
        "keys": [teller.key(METADATA_PREFIX, one) for one in known],
        "scores": [
            {
                "code": f"score.{name}",
                "kind": ValueKind.MONEY if is_amount(name) else ValueKind.NUMBER,
                "label": name_prediction(name, page.language.value, experiments=tried),
                "choices": [],
            }
            for name in predictions
        ],
        "operators": {kind: teller.operators(of) for kind, of in OPERATORS.items()},
        "deeds": [teller.deed(of, deed_keys.get(kind, [])) for kind, of in DEEDS.items()],
        "measures": teller.said(_MEASURES),
        "units": teller.said(_UNITS),
        "events": await list_event_names(tx),
        "segments": [{"value": one.id, "label": one.name} for one in segments],
        "channels": [
            {"value": one, "label": teller.say(CHANNELS[one]) if one in CHANNELS else one}
            for one in channels
        ],
        "dates": [code for code in _DATES if code in ATTRIBUTES],
        "currency": {
            "digits": minor_digits(page.currency),
            "sign": formats.currency_sign(page.currency, language=page.language),
        },
        "words": {name: teller.say(text) for name, text in WORDS.items()},
    }


_JSON_TYPES = {"number": "number", "boolean": "boolean"}


class _Teller:
    def __init__(self, page: PageView) -> None:
        self.say = translations(page.language).gettext
        self._chinese = page.language is Language.ZH

    def said(self, words: Mapping[Any, str]) -> list[dict[str, str]]:
        return [{"value": str(one), "label": self.say(text)} for one, text in words.items()]

    def attribute(self, attribute: Attribute, code: str = "") -> dict[str, Any]:
        bands = {band.code: band.label_zh if self._chinese else band.label_en for band in RFM_BANDS}
        words = bands if attribute.code == "rfm.band" else {}
        return {
            "code": code or attribute.code,
            "kind": attribute.kind,
            "label": attribute.label_zh if self._chinese else attribute.label_en,
            "choices": [
                {"value": one, "label": words.get(one) or self.say(_CHOICES.get(one, one))}
                for one in attribute.choices
            ],
        }

    def key(self, prefix: str, known: KnownKey) -> dict[str, Any]:
        return {
            "code": prefix + known.key,
            "kind": ValueKind.METADATA,
            "label": known.key,
            "type": known.kind if known.kind in ("number", "boolean") else "text",
            "choices": [],
        }

    def operators(self, allowed: Iterable[Operator]) -> list[dict[str, str]]:
        offered = set(allowed)
        return [
            {
                "value": one,
                "label": self.say(OPERATOR_WORDS[one]),
                "shape": _SHAPES.get(one, "one"),
            }
            for one in Operator
            if one in offered
        ]

    def deed(self, of: DeedType, keys: Sequence[KnownKey]) -> dict[str, Any]:
        properties = [self.attribute(one, name) for name, one in of.properties.items()]
        for name in of.aliases:
            label = self.say(_ALIASES[name])
            properties.append(
                {"code": name, "kind": ValueKind.METADATA, "label": label, "choices": []}
            )
        if of.open is not None:
            properties += [
                self.key(of.open_prefix, one) for one in keys if one.key not in of.aliases
            ]
        return {
            "value": of.kind,
            "label": of.label_zh if self._chinese else of.label_en,
            "named": of.kind is DeedKind.EVENT,
            "prefix": of.open_prefix if of.open is not None else "",
            "properties": properties,
        }


_ALIASES = {"brand": N_("Brand"), "category": N_("Category")}
