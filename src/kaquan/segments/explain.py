"""Why one customer is in a segment or not: every rule with what it found."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from psycopg import sql

from kaquan.customers import Customer, get_customer
from kaquan.runtime import NotFound, Tx, get_project
from kaquan.segments.attributes import ValueKind
from kaquan.segments.audience import check_definition
from kaquan.segments.model import Aggregate, AllOf, AnyOf, Comparison, InSegment, NotOf, Rule
from kaquan.segments.parse import parse_definition
from kaquan.segments.references import inner_rules
from kaquan.segments.settle import open_compiler
from kaquan.segments.store.members import read_values
from kaquan.segments.store.segments import list_segments
from kaquan.segments.words import Wording, describe_found, describe_leaf


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A rule, whether it holds for the customer, and the value that was found (JSON, and in words).

    ``parts`` are the rules that decide: those below it, or the rule of a segment it names.
    """

    text_zh: str
    text_en: str
    holds: bool
    found: Any = None
    found_zh: str | None = None
    found_en: str | None = None
    parts: "tuple[Explanation, ...]" = ()


async def explain_membership(
    tx: Tx, definition: Mapping[str, Any], customer: str, *, now: datetime
) -> Explanation:
    """Tell for every rule of a definition whether it holds for a customer, and why.

    ``customer`` is our id or the merchant's. Everything comes from one query of the kind that
    live checks use. Raises NotFound, and InvalidInput as create_segment does.
    """
    person = await get_customer(tx, customer)
    rule = parse_definition(await check_definition(tx, definition))
    segments = await list_segments(tx)
    compiler = await open_compiler(tx, [rule], segments, now=now)
    nodes = list(_leaves(rule, compiler.members))
    values: list[sql.Composable] = []
    for node in nodes:
        holds = sql.SQL("to_jsonb({})").format(compiler.condition(node, known=True))
        values.append(holds)
        found = sql.SQL("null")
        if isinstance(node, Comparison | Aggregate):
            found = sql.SQL("to_jsonb({})").format(compiler.value(node))
        if isinstance(node, Comparison) and node.kind is ValueKind.SEALED:
            # What is compared is a digest; what people want to see is the value.
            found = sql.SQL("{}::jsonb").format(
                compiler.bind(msgspec.json.encode(_said(person, node.attribute.code)).decode())
            )
        values.append(found)
    answers = await read_values(
        tx,
        person.id,
        source=compiler.source(few=True),
        values=values,
        parameters=compiler.parameters,
    )
    if answers is None:
        raise NotFound("customer", customer)
    project = await get_project(tx)
    teller = _Teller(
        dict(enumerate(zip(answers[::2], answers[1::2], strict=True))),
        members=compiler.members,
        wordings=tuple(
            Wording(
                language=language,
                currency=project.currency,
                zone=project.zone,
                segments={segment.id: segment.name for segment in segments},
            )
            for language in ("zh", "en")
        ),
    )
    return teller.tell(rule)


def _said(person: Customer, code: str) -> object:
    return (person.address or {}).get(code) if code == "postal_code" else getattr(person, code)


def _leaves(rule: Rule, members: Mapping[str, Rule]) -> Iterator[Rule]:
    """Yield the leaves in the order in which they are told; a named segment's come after it."""
    if not isinstance(rule, AllOf | AnyOf | NotOf):
        yield rule
    for inner in _below(rule, members):
        yield from _leaves(inner, members)


def _below(rule: Rule, members: Mapping[str, Rule]) -> tuple[Rule, ...]:
    if isinstance(rule, InSegment):
        return tuple(members[one] for one in rule.references if one in members)
    return inner_rules(rule)


class _Teller:
    def __init__(
        self,
        answers: dict[int, tuple[bool, Any]],
        *,
        members: Mapping[str, Rule],
        wordings: tuple[Wording, ...],
    ) -> None:
        self._answers = answers
        self._members = members
        self._wordings = wordings
        self._next = 0

    def tell(self, rule: Rule) -> Explanation:
        found: Any = None
        holds = False
        if not isinstance(rule, AllOf | AnyOf | NotOf):
            holds, found = self._answers[self._next]
            self._next += 1
        chinese, english = self._texts(rule)
        parts = tuple(self.tell(inner) for inner in _below(rule, self._members))
        match rule:
            case AllOf():
                holds = all(part.holds for part in parts)
            case AnyOf():
                holds = any(part.holds for part in parts)
            case NotOf():
                holds = not parts[0].holds
            case _:
                pass
        said = [None, None]
        if found is not None and isinstance(rule, Comparison | Aggregate):
            said = [describe_found(found, rule, wording) for wording in self._wordings]
        return Explanation(
            text_zh=chinese,
            text_en=english,
            holds=holds,
            found=found,
            found_zh=said[0],
            found_en=said[1],
            parts=parts,
        )

    def _texts(self, rule: Rule) -> tuple[str, str]:
        match rule:
            case AllOf(()):
                return "全部客户", "every customer"
            case AnyOf(()):
                return "没有人", "nobody"
            case AllOf():
                return "同时满足以下各项", "all of these hold"
            case AnyOf():
                return "至少满足以下一项", "at least one of these holds"
            case NotOf():
                return "不满足以下条件", "this does not hold"
            case _:
                chinese, english = (describe_leaf(rule, wording) for wording in self._wordings)
                return chinese, english
