"""SQL of validation rules, their assignments, and the terms they are worked into."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from kaquan.campaigns.rules.model import Assignment, Terms, ValidationRule
from kaquan.campaigns.store.listing import page_offset, sort_clause, where_clause
from kaquan.runtime import NotFound, Page, Tx, is_storable, struct_row

_COLUMNS: LiteralString = (
    "r.id, r.name, r.kind, r.context, r.rules, r.bundle_rules, r.applicable_to, r.error,"
    " r.created_at, r.updated_at, (select count(*) from rule_assignment a where a.rule_id = r.id)"
    " as assignments"
)
_ORDERS: dict[str, LiteralString] = {
    "created_at": "r.created_at",
    "updated_at": "coalesce(r.updated_at, r.created_at)",
    "name": "r.name",
}
_ASSIGNMENT: LiteralString = "a.id, a.rule_id, a.owner_kind, a.owner_id, a.created_at"


async def insert_rule(tx: Tx, rule: ValidationRule) -> None:
    """Store a set of rules."""
    await tx.execute(
        "insert into validation_rule (id, name, kind, context, rules, bundle_rules,"
        " applicable_to, error, created_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (rule.id, *_values(rule), rule.created_at),
    )


async def update_rule_row(tx: Tx, rule: ValidationRule) -> None:
    """Write a set of rules back."""
    await tx.execute(
        "update validation_rule set (name, kind, context, rules, bundle_rules, applicable_to,"
        " error, updated_at) = (%s, %s, %s, %s, %s, %s, %s, %s) where id = %s",
        (*_values(rule), rule.updated_at, rule.id),
    )


async def delete_rule_row(tx: Tx, rule_id: str) -> None:
    """Forget a set of rules, which must not be assigned to anything any more."""
    await tx.execute("delete from validation_rule where id = %s", (rule_id,))


async def get_rule(tx: Tx, rule_id: str, *, lock: bool = False) -> ValidationRule:
    """Return a set of rules; ``lock`` keeps others from changing it. Raises NotFound."""
    query: LiteralString = f"select {_COLUMNS} from validation_rule r where r.id = %s"
    rule = None
    if is_storable(rule_id):
        async with tx.cursor(row_factory=struct_row(ValidationRule)) as cursor:
            await cursor.execute(query + " for update" if lock else query, (rule_id,))
            rule = await cursor.fetchone()
    if rule is None:
        raise NotFound("validation rule", rule_id)
    return rule


async def list_rules(
    tx: Tx,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    order: str = "-created_at",
    page: int = 1,
    limit: int = 20,
) -> Page[ValidationRule]:
    """Return a page of sets of rules created in a time, and the exact number of all.

    ``order`` is created_at, updated_at or name, with a minus in front for descending. Raises
    InvalidInput.
    """
    column, descending = sort_clause(order, _ORDERS)
    offset = page_offset(page, limit)
    where, parameters = where_clause([("r.created_at >= %s", since), ("r.created_at <= %s", until)])
    total = await _count(tx, "select count(*) from validation_rule r" + where, parameters)
    direction: LiteralString = " desc" if descending else ""
    async with tx.cursor(row_factory=struct_row(ValidationRule)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from validation_rule r{where}"
            f" order by {column}{direction}, r.id{direction} limit %s offset %s",
            (*parameters, limit, offset),
        )
        return Page(await cursor.fetchall(), total)


async def insert_assignment(tx: Tx, assignment: Assignment) -> bool:
    """Store an assignment; False when these rules hold for this already."""
    cursor = await tx.execute(
        "insert into rule_assignment (id, rule_id, owner_kind, owner_id, created_at)"
        " values (%s, %s, %s, %s, %s) on conflict (project_id, rule_id, owner_id) do nothing",
        (
            assignment.id,
            assignment.rule_id,
            assignment.owner_kind,
            assignment.owner_id,
            assignment.created_at,
        ),
    )
    return cursor.rowcount == 1


async def find_assignment(tx: Tx, rule_id: str, *, owner_id: str) -> Assignment | None:
    """Return the assignment of these rules to this."""
    found = await list_assignments(tx, rule_id=rule_id, owner_ids=[owner_id], limit=1)
    return found.items[0] if found.items else None


async def get_assignment(tx: Tx, assignment_id: str, *, rule_id: str) -> Assignment:
    """Return an assignment of a set of rules. Raises NotFound."""
    query: LiteralString = (
        f"select {_ASSIGNMENT} from rule_assignment a where a.id = %s and a.rule_id = %s"
    )
    assignment = None
    if is_storable(assignment_id):
        async with tx.cursor(row_factory=struct_row(Assignment)) as cursor:
            await cursor.execute(query, (assignment_id, rule_id))
            assignment = await cursor.fetchone()
    if assignment is None:
        raise NotFound("validation rule assignment", assignment_id)
    return assignment


async def delete_assignments(tx: Tx, assignment_ids: Sequence[str]) -> None:
    """Forget assignments."""
    await tx.execute("delete from rule_assignment where id = any(%s)", (list(assignment_ids),))


async def list_assignments(
    tx: Tx,
    *,
    rule_id: str | None = None,
    owner_ids: Sequence[str] | None = None,
    order: str = "-created_at",
    page: int = 1,
    limit: int = 20,
) -> Page[Assignment]:
    """Return a page of assignments, of a set of rules or to some objects, and their number."""
    _, descending = sort_clause(order, {"created_at": "a.created_at"})
    offset = page_offset(page, limit)
    if not is_storable(rule_id or "") or not all(map(is_storable, owner_ids or ())):
        return Page([], 0)
    where, parameters = where_clause(
        [
            ("a.rule_id = %s", rule_id),
            ("a.owner_id = any(%s)", None if owner_ids is None else list(owner_ids)),
        ]
    )
    total = await _count(tx, "select count(*) from rule_assignment a" + where, parameters)
    direction: LiteralString = " desc" if descending else ""
    async with tx.cursor(row_factory=struct_row(Assignment)) as cursor:
        await cursor.execute(
            f"select {_ASSIGNMENT} from rule_assignment a{where}"
            f" order by a.created_at{direction}, a.id{direction} limit %s offset %s",
            (*parameters, limit, offset),
        )
        return Page(await cursor.fetchall(), total)


async def list_assignments_of(tx: Tx, owner_ids: Sequence[str]) -> dict[str, list[Assignment]]:
    """Return by owner every assignment, the oldest first."""
    found: dict[str, list[Assignment]] = {owner_id: [] for owner_id in owner_ids}
    query: LiteralString = (
        f"select {_ASSIGNMENT} from rule_assignment a where a.owner_id = any(%s) order by a.id"
    )
    async with tx.cursor(row_factory=struct_row(Assignment)) as cursor:
        await cursor.execute(query, (list(owner_ids),))
        for one in await cursor.fetchall():
            found[one.owner_id].append(one)
    return found


async def list_owners_of(tx: Tx, rule_id: str) -> list[Assignment]:
    """Return every assignment of a set of rules."""
    query: LiteralString = (
        f"select {_ASSIGNMENT} from rule_assignment a where a.rule_id = %s order by a.owner_id"
    )
    async with tx.cursor(row_factory=struct_row(Assignment)) as cursor:
        await cursor.execute(query, (rule_id,))
        return await cursor.fetchall()


async def list_rules_of(tx: Tx, owner_id: str) -> list[ValidationRule]:
    """Return the sets of rules that hold for something, in the order of their assignment."""
    query: LiteralString = (
        f"select {_COLUMNS} from rule_assignment own join validation_rule r on r.id = own.rule_id"
        " where own.owner_id = %s order by own.id"
    )
    async with tx.cursor(row_factory=struct_row(ValidationRule)) as cursor:
        await cursor.execute(query, (owner_id,))
        return await cursor.fetchall()


async def find_terms(tx: Tx, owner_id: str) -> Terms | None:
    """Return what was said of an object's offer, if it differs from the offer."""
    return (await list_terms(tx, [owner_id])).get(owner_id)


async def list_terms(tx: Tx, owner_ids: Sequence[str]) -> dict[str, Terms]:
    """Return the terms of those objects that have any."""
    async with tx.cursor(row_factory=struct_row(Terms)) as cursor:
        await cursor.execute(
            "select owner_id, owner_kind, offer, said from offer_terms where owner_id = any(%s)",
            (list(owner_ids),),
        )
        return {terms.owner_id: terms for terms in await cursor.fetchall()}


async def put_terms(tx: Tx, terms: Terms) -> None:
    """Store or replace what was said of an object's offer."""
    await tx.execute(
        "insert into offer_terms (owner_id, owner_kind, offer, said) values (%s, %s, %s, %s)"
        " on conflict (project_id, owner_id) do update"
        " set offer = excluded.offer, said = excluded.said",
        (
            terms.owner_id,
            terms.owner_kind,
            None if terms.offer is None else Jsonb(terms.offer),
            Jsonb(terms.said),
        ),
    )


async def delete_terms(tx: Tx, owner_ids: Sequence[str]) -> None:
    """Forget the terms of, and the rules assigned to, objects that are no more."""
    await tx.execute("delete from offer_terms where owner_id = any(%s)", (list(owner_ids),))
    await tx.execute("delete from rule_assignment where owner_id = any(%s)", (list(owner_ids),))


async def _count(tx: Tx, query: LiteralString, parameters: Sequence[Any]) -> int:
    row = await (await tx.execute(query, parameters)).fetchone()
    assert row is not None
    return row[0]


def _values(rule: ValidationRule) -> tuple[Any, ...]:
    return (
        rule.name,
        rule.kind,
        rule.context,
        Jsonb(rule.rules),
        None if rule.bundle_rules is None else Jsonb(rule.bundle_rules),
        None if rule.applicable_to is None else Jsonb(rule.applicable_to),
        None if rule.error is None else Jsonb(rule.error),
    )
