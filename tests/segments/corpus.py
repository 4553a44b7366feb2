"""Random definitions, each form and operator of the language with some chance."""

from random import Random
from typing import Any

from kaquan.segments import ATTRIBUTES, DEEDS, OPERATORS, DeedKind, Operator, ValueKind
from segments.world import BRANDS, CAMPAIGNS, CHANNELS, CITIES, EVENTS, LEVELS, NAMES

TEXTS = {
    "name": NAMES,
    "city": CITIES,
    "country": ("CN", "FR"),
    "campaign": tuple(f"camp_{name}" for name in CAMPAIGNS),
    "campaign_name": CAMPAIGNS,
    "voucher": tuple(f"CODE-{name}" for name in CAMPAIGNS),
    "channel": CHANNELS,
    "location": ("store0", "store1"),
    "product": ("sku1", "sku2", "sku13"),
    "source_id": ("c1", "c2", "o_000001"),
    "email": ("c1@example.com", "@Shop.cn", "c"),
}
MONEY = (0, 99, 100, 500, 1000, 2500, 9007199254740991)
NUMBERS = (0, 1, 2, 2.5, 3, -1, 12, 0.1, 30, 90)
DATES = ("2026-03-01", "2026-02-20", "1990-05-31", "2026-02-28", "2025-12-01")
TIMES = (*DATES, "2026-02-22T12:00:00Z", "2026-03-01T20:00:00+08:00", "2026-01-30T12:00:00Z")
DAYS = (0, 1, 7, 30, 90, 180, 36_500)
_IN_DAYS = (Operator.WITHIN_DAYS, Operator.NOT_WITHIN_DAYS, Operator.WITHIN_NEXT_DAYS)
_ABSENT = (Operator.HAS_VALUE, Operator.HAS_NO_VALUE)
_LISTS = (Operator.IN, Operator.NOT_IN)


class Author:
    """Writes definitions from a seed; ``segments`` are the ids that they may refer to."""

    def __init__(self, seed: int, segments: tuple[str, ...], customers: tuple[str, ...]) -> None:
        self.random = Random(seed)
        self.segments = segments
        self.customers = customers

    def definition(self, depth: int = 3) -> dict[str, Any]:
        """A tree of at most so many levels."""
        chosen = self.random.choice
        if depth > 1 and self.random.random() < 0.55:
            word = chosen(("all", "any", "not"))
            if word == "not":
                return {"not": self.definition(depth - 1)}
            parts = [self.definition(depth - 1) for _ in range(chosen((0, 1, 2, 2, 3)))]
            return {word: parts}
        return chosen(
            (self.comparison, self.comparison, self.done, self.aggregate, self.aggregate, self.own)
        )()

    def comparison(self) -> dict[str, Any]:
        """An attribute compared."""
        code = self.random.choice(
            (*ATTRIBUTES, "metadata.level", "metadata.visits", "metadata.vip", "metadata.level")
        )
        if self.random.random() < 0.1:
            code = self.random.choice(("metadata.key'\"; drop", "metadata.none", "score.churn"))
        if code == "segment":
            return {
                "attribute": code,
                "operator": "in",
                "value": [self.random.choice(self.segments)],
            }
        if code.startswith("metadata."):
            return {"attribute": code, **self.open_test(code)}
        if code == "score.churn":
            return {"attribute": code, **self.test(ValueKind.NUMBER)}
        attribute = ATTRIBUTES[code]
        return {
            "attribute": code,
            **self.test(attribute.kind, attribute.choices or TEXTS.get(code)),
        }

    def done(self) -> dict[str, Any]:
        """Something done or not done."""
        deed = self.deed()
        if self.random.random() < 0.3:
            return {"not_done": deed.pop("over"), **deed}
        rule = {"done": deed.pop("over"), **deed}
        if self.random.random() < 0.6:
            rule["times"] = {
                self.random.choice(("at_least", "at_most", "exactly")): self.random.randrange(4)
            }
        return rule

    def aggregate(self) -> dict[str, Any]:
        """A measure compared."""
        measure = self.random.choice(
            ("count", "sum", "average", "distinct", "first", "last", "days_since")
        )
        deed = self.deed()
        of = DEEDS[DeedKind(deed["over"])]
        kind = ValueKind.NUMBER
        presence = measure not in ("count", "sum", "distinct")
        if measure in ("sum", "average"):
            numbers = [n for n, a in of.properties.items() if a.kind in (ValueKind.MONEY, kind)]
            if of.open is not None:
                numbers.append("attribute.grade" if of.aliases else "metadata.visits")
            if not numbers:
                return self.done()
            deed["of"] = self.random.choice(numbers)
            kind = of.properties[deed["of"]].kind if deed["of"] in of.properties else kind
        elif measure == "distinct":
            texts = [n for n, a in of.properties.items() if a.kind is ValueKind.TEXT]
            texts += ["metadata.level"] if of.open is not None and not of.aliases else of.aliases
            deed["of"] = self.random.choice(texts)
        elif measure in ("first", "last"):
            kind = ValueKind.TIME
        test = self.test(kind, presence=presence)
        return {"aggregate": measure, **deed, **test}

    def own(self) -> dict[str, Any]:
        """A rule of a form of its own."""
        chosen = self.random.choice
        first = chosen((-8, -1, 0, 1))
        window = {"from": first, "to": first + chosen((0, 1, 7, 30))}
        return chosen(
            (
                {"birthday": window},
                {"anniversary": {"of": chosen(("created_at", "first_order_at")), **window}},
                {"consent": {"channel": chosen(CHANNELS), "purpose": "service"}},
                {"reachable": {"channel": chosen(CHANNELS), "room": {"most": 2, "days": 30}}},
                {"reachable": {"channel": chosen(CHANNELS)}},
                {"customers": self.random.sample(self.customers, 5)},
                {"sample": {"percent": chosen((0, 10, 33.3, 50, 100)), "salt": chosen(("", "s'"))}},
                {"sample": {"from": 25, "to": 75}},
            )
        )

    def deed(self) -> dict[str, Any]:
        """Which deeds are meant."""
        kind = self.random.choice(tuple(DeedKind))
        rule: dict[str, Any] = {"over": kind.value}
        if kind is DeedKind.EVENT:
            rule["name"] = self.random.choice(EVENTS)
        if self.random.random() < 0.5:
            conditions = [self.condition(kind) for _ in range(self.random.randrange(1, 3))]
            word = self.random.choice(("all", "any", "not", "list"))
            if word == "list":
                rule["where"] = conditions
            else:
                rule["where"] = {word: conditions[0] if word == "not" else conditions}
        if self.random.random() < 0.6:
            rule["within"] = self.window()
        return rule

    def condition(self, kind: DeedKind) -> dict[str, Any]:
        """A property of a deed compared."""
        of = DEEDS[kind]
        names = [*of.properties, *of.aliases]
        if of.open is not None:
            keys = ("grade", "labels") if of.aliases else ("level", "visits", "vip")
            names += [of.open_prefix + key for key in keys]
        name = self.random.choice(names)
        if name not in of.properties:
            return {"property": name, **self.open_test(name)}
        found = of.properties[name]
        return {"property": name, **self.test(found.kind, found.choices or TEXTS.get(name))}

    def window(self) -> dict[str, Any]:
        """A window of any form."""
        chosen = self.random.choice
        bound = chosen(
            (
                chosen(TIMES),
                {"days_ago": chosen((7, 30, 90))},
                {"start_of": chosen(("day", "week", "month", "quarter", "year")), "back": 1},
            )
        )
        return chosen(
            (
                {"last_days": chosen((1, 7, 30, 90, 365))},
                {"last_hours": chosen((1, 24, 720))},
                {"this": chosen(("day", "week", "month", "quarter", "year"))},
                {"from": bound},
                {"to": bound},
                {"from": {"days_ago": 90}, "to": {"days_ago": chosen((7, 30))}},
            )
        )

    def open_test(self, name: str) -> dict[str, Any]:
        """A test of a value whose type the rule says."""
        kinds: dict[str, tuple[ValueKind, ...]] = {
            "level": (ValueKind.TEXT, ValueKind.NUMBER, ValueKind.DATE),
            "visits": (ValueKind.NUMBER, ValueKind.TEXT),
            "grade": (ValueKind.NUMBER,),
            "vip": (ValueKind.BOOLEAN,),
        }
        kind = self.random.choice(kinds.get(name.rpartition(".")[2], (ValueKind.TEXT,)))
        choices = {"brand": BRANDS, "category": ("tea", "coffee"), "labels": ("bio", "new")}
        given = self.test(kind, choices.get(name.rpartition(".")[2], (*LEVELS, "a'b", "gold")))
        if kind is ValueKind.DATE and given["operator"] in ("is", "is_not"):
            return {"operator": "has_value"}
        return given

    def test(
        self, kind: ValueKind, texts: tuple[str, ...] | None = None, *, presence: bool = True
    ) -> dict[str, Any]:
        """An operator with a value for it."""
        allowed = [o for o in Operator if o in OPERATORS[kind] and (presence or o not in _ABSENT)]
        operator = self.random.choice(allowed)
        given: dict[str, Any] = {"operator": operator.value}
        if operator in _ABSENT:
            return given
        if operator in _IN_DAYS:
            return given | {"value": self.random.choice(DAYS)}
        values = self.values(kind, texts)
        if operator in _LISTS:
            return given | {"value": [self.random.choice(values) for _ in range(2)]}
        if operator is Operator.BETWEEN:
            return given | {"value": [self.random.choice(values) for _ in range(2)]}
        return given | {"value": self.random.choice(values)}

    def values(self, kind: ValueKind, texts: tuple[str, ...] | None) -> tuple[Any, ...]:
        """Values of a kind."""
        match kind:
            case ValueKind.TEXT:
                return texts or ("c1", "gold", "O'", "")
            case ValueKind.MONEY:
                return MONEY
            case ValueKind.NUMBER:
                return NUMBERS
            case ValueKind.BOOLEAN:
                return (True, False)
            case ValueKind.DATE:
                return DATES
            case _:
                return TIMES
