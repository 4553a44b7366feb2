"""Customers: what is accepted, how a customer is found again, lists, consents, erasing."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from kaquan.customers import (
    Customer,
    CustomerDraft,
    OrderDraft,
    OrderStatus,
    count_customers,
    create_order,
    customer_timeline,
    delete_customer,
    find_customer,
    get_customer,
    get_customer_summary,
    get_order,
    list_consents,
    list_contactable,
    list_customer_summaries,
    list_customers,
    may_contact,
    record_consent,
    record_consents,
    update_customer,
    upsert_customer,
)
from kaquan.runtime import Database, Duplicate, InvalidInput, NotFound, Project, Tx, create_project

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("name too long", {"name": "x" * 256}, "name"),
    ("name of two lines", {"name": "Wang\nBcc: all@example.com"}, "name"),
    ("name with NUL", {"name": "a\0b"}, "name"),
    ("half a surrogate pair", {"name": "a\ud800"}, "name"),
    ("e-mail without @", {"email": "wang.example.com"}, "email"),
    ("e-mail without domain", {"email": "wang@"}, "email"),
    ("e-mail with a blank", {"email": "wang xm@example.com"}, "email"),
    ("two e-mails", {"email": "a@example.com,b@example.com"}, "email"),
    ("empty e-mail", {"email": ""}, "email"),
    ("e-mail too long", {"email": "x" * 250 + "@example.com"}, "email"),
    ("phone of letters", {"phone": "call me"}, "phone"),
    ("born in 1899", {"birth_date": date(1899, 12, 31)}, "birth_date"),
    ("born next week", {"birth_date": date(2026, 3, 8)}, "birth_date"),
    ("source_id too long", {"source_id": "x" * 256}, "source_id"),
    ("empty source_id", {"source_id": ""}, "source_id"),
    ("source_id with blanks around", {"source_id": " a "}, "source_id"),
    ("metadata a list", {"metadata": [1, 2]}, "metadata"),
    ("metadata null", {"metadata": None}, "metadata"),
    ("metadata too large", {"metadata": {"k": "x" * 65_536}}, "metadata"),
    ("metadata with NUL", {"metadata": {"k": ["a\0"]}}, "metadata"),
    ("metadata not JSON", {"metadata": {"k": object()}}, "metadata"),
    ("address a text", {"address": "Beijing"}, "address"),
]


@pytest.mark.parametrize(
    ("given", "field"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
async def test_what_is_refused_names_its_field(tx: Tx, given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await upsert_customer(tx, CustomerDraft(**given), now=NOW)
    assert caught.value.field == field
    assert await count_customers(tx) == 0


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("nothing known", {}),
    ("Chinese name", {"name": "王小明"}),
    ("emoji", {"name": "Zoë 🎉"}),
    ("plus address", {"email": "a.b+c@mail.example.co.uk"}),
    ("phone that cannot be", {"phone": "+86 (10) 0234-56"}),
    ("leap day", {"birth_date": date(2024, 2, 29)}),
    ("backslash that is no NUL", {"metadata": {"path": "C:\\u0000"}}),
    ("nested metadata", {"metadata": {"tags": ["vip"], "n": {"x": 1.5}}}),
    ("longest source_id", {"source_id": "x" * 255}),
]


@pytest.mark.parametrize("given", [row[1] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
async def test_what_is_accepted_comes_back_as_given(tx: Tx, given: dict[str, Any]) -> None:
    stored = await upsert_customer(tx, CustomerDraft(**given), now=NOW)
    assert await get_customer(tx, stored.id) == stored
    assert {name: getattr(stored, name) for name in given} == given
    assert stored.created_at == NOW


async def test_upsert_finds_by_id_then_by_source_id(tx: Tx) -> None:
    first = await upsert_customer(tx, CustomerDraft(source_id="s1", name="One"), now=NOW)
    again = await upsert_customer(tx, CustomerDraft(source_id="s1", email="a@b.cn"), now=LATER)
    assert (again.id, again.name, again.email) == (first.id, "One", "a@b.cn")
    assert again.updated_at == LATER
    by_id = await upsert_customer(
        tx, CustomerDraft(id=first.id, source_id="other", name="Two"), now=LATER
    )
    assert (by_id.id, by_id.source_id, by_id.name) == (first.id, "s1", "Two")
    with pytest.raises(NotFound):
        await upsert_customer(tx, CustomerDraft(id="cust_unknown"), now=NOW)
    assert await count_customers(tx) == 1


async def test_none_empties_and_unset_leaves(tx: Tx) -> None:
    known = await upsert_customer(
        tx, CustomerDraft(source_id="s", name="N", phone="+8610123456"), now=NOW
    )
    changed = await update_customer(tx, "s", CustomerDraft(phone=None), now=LATER)
    assert (changed.name, changed.phone) == ("N", None)
    assert changed.id == known.id


@pytest.mark.parametrize(
    ("before", "given", "after"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"y": 2}}),
        ({}, {"a": None}, {}),
    ],
)
async def test_metadata_is_merged_by_key(
    tx: Tx, before: dict[str, Any], given: dict[str, Any], after: dict[str, Any]
) -> None:
    await upsert_customer(tx, CustomerDraft(source_id="s", metadata=before), now=NOW)
    changed = await upsert_customer(tx, CustomerDraft(source_id="s", metadata=given), now=LATER)
    assert changed.metadata == after


async def test_saying_nothing_new_writes_nothing(tx: Tx) -> None:
    draft = CustomerDraft(source_id="s", name="N", metadata={"a": 1})
    first = await upsert_customer(tx, draft, now=NOW)
    assert await upsert_customer(tx, draft, now=LATER) == first


async def test_a_taken_source_id_is_a_duplicate_and_the_transaction_goes_on(tx: Tx) -> None:
    await upsert_customer(tx, CustomerDraft(source_id="one"), now=NOW)
    await upsert_customer(tx, CustomerDraft(source_id="two"), now=NOW)
    with pytest.raises(Duplicate):
        await update_customer(tx, "two", CustomerDraft(source_id="one"), now=NOW)
    assert (await get_customer(tx, "two")).source_id == "two"


async def test_upserts_of_one_person_at_once_make_one_customer(
    database: Database, project: Project
) -> None:
    async def enter(number: int) -> str:
        async with database.transaction(project.project_id) as own:
            draft = CustomerDraft(source_id="same", metadata={f"k{number}": number})
            return (await upsert_customer(own, draft, now=NOW)).id

    ids = await asyncio.gather(*(enter(number) for number in range(12)))
    assert len(set(ids)) == 1
    async with database.transaction(project.project_id) as tx:
        customer = await get_customer(tx, "same")
    assert customer.metadata == {f"k{number}": number for number in range(12)}


async def test_another_project_sees_nothing(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        mine = await upsert_customer(tx, CustomerDraft(source_id="s", email="a@b.cn"), now=NOW)
        await record_consent(
            tx, mine.id, channel="email", purpose="marketing", granted=True, source="t", now=NOW
        )
    async with database.transaction() as other:
        await create_project(
            other, "Other", currency="CNY", time_zone="UTC", language="en", now=NOW
        )
        assert await find_customer(other, "s") is None
        assert await find_customer(other, mine.id) is None
        assert (await list_customers(other, search="a@b.cn")).total == 0
        assert not await may_contact(other, mine.id, channel="email", purpose="marketing")
        with pytest.raises(NotFound):
            await update_customer(other, mine.id, CustomerDraft(name="X"), now=NOW)
        with pytest.raises(NotFound):
            await record_consent(
                other, mine.id, channel="email", purpose="m", granted=True, source="t", now=NOW
            )
        theirs = await upsert_customer(other, CustomerDraft(source_id="s"), now=NOW)
        assert theirs.id != mine.id


async def _people(tx: Tx) -> dict[str, Customer]:
    rows = [
        ("s-100", "Ana Lima", "ana@example.com", "+86 10 5550 001"),
        ("s-101", "anabel", None, None),
        ("s-200", "王小明", "WANG@example.com", "010-5550-002"),
        ("x%1", "100% Real", None, None),
        (None, None, None, None),
    ]
    people: dict[str, Customer] = {}
    for minute, (source_id, name, email, phone) in enumerate(rows):
        draft = CustomerDraft(source_id=source_id, name=name, email=email, phone=phone)
        at = NOW + timedelta(minutes=minute)
        people[str(source_id)] = await upsert_customer(tx, draft, now=at)
    return people


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("ana", ["s-101", "s-100"]),
        ("ANA ", ["s-101", "s-100"]),
        ("s-1", ["s-101", "s-100"]),
        ("s-100", ["s-100"]),
        ("王", ["s-200"]),
        ("王小明", ["s-200"]),
        ("Lima an", ["s-100"]),
        ("anabe", ["s-101"]),
        ("anabella", []),
        ("wang@EXample.com", ["s-200"]),
        ("wang@EX", []),
        ("8610-5550 001", ["s-100"]),
        ("8610", []),
        ("010-5550-002", ["s-200"]),
        ("x%", ["x%1"]),
        ("%", []),
        ("ima", []),
        ("\0", ["None", "x%1", "s-200", "s-101", "s-100"]),
        ("", ["None", "x%1", "s-200", "s-101", "s-100"]),
    ],
)
async def test_search_is_by_beginning(tx: Tx, search: str, found: list[str]) -> None:
    await _people(tx)
    page = await list_customers(tx, search=search)
    assert [str(customer.source_id) for customer in page.items] == found
    assert page.total == len(found)


@pytest.mark.parametrize(
    "order",
    [
        sign + name
        for name in (
            "created_at",
            "updated_at",
            "source_id",
            "spend",
            "order_count",
            "last_order_at",
        )
        for sign in ("", "-")
    ],
)
async def test_every_order_pages_through_all(tx: Tx, order: str) -> None:
    people = await _people(tx)
    for number, source_id in enumerate(["s-100", "s-200"]):
        draft = OrderDraft(
            customer_id=source_id, amount_minor=100 * (number + 1), status=OrderStatus.PAID
        )
        await create_order(tx, draft, now=NOW + timedelta(days=number))
    whole = await list_customers(tx, order=order)
    assert {c.id for c in whole.items} == {c.id for c in people.values()}
    walked: list[str] = []
    cursor = None
    while True:
        page = await list_customers(tx, order=order, cursor=cursor, limit=2)
        assert page.total == 5
        walked += [customer.id for customer in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert walked == [customer.id for customer in whole.items]
    second = await list_customers(tx, order=order, limit=2, page=2)
    assert [c.id for c in second.items] == walked[2:4]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"order": "shoe_size"}, "order"),
        ({"order": "name"}, "order"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"page": 0}, "page"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "ümläut"}, "cursor"),
        ({"cursor": "W10"}, "cursor"),
        # ["-created_at", 1, "x"]: a number where a time belongs
        ({"cursor": "WyItY3JlYXRlZF9hdCIsIDEsICJ4Il0"}, "cursor"),
        # ["spend", 2**70, "x"]
        (
            {"cursor": "WyJzcGVuZCIsIDExODA1OTE2MjA3MTc0MTEzMDM0MjQsICJ4Il0", "order": "spend"},
            "cursor",
        ),
    ],
)
async def test_a_list_refuses(tx: Tx, arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await list_customers(tx, **arguments)
    assert caught.value.field == field


async def test_a_cursor_of_another_order_is_refused(tx: Tx) -> None:
    await _people(tx)
    page = await list_customers(tx, order="spend", limit=2)
    with pytest.raises(InvalidInput, match="cursor"):
        await list_customers(tx, order="order_count", limit=2, cursor=page.next_cursor)


async def test_the_latest_consent_holds(tx: Tx) -> None:
    customer = await upsert_customer(tx, CustomerDraft(source_id="s"), now=NOW)
    steps = [
        # minutes, channel, purpose, granted, may e-mail marketing afterwards
        (0, "sms", "marketing", True, False),
        (1, "email", "service", True, False),
        (2, "email", "marketing", True, True),
        (3, "email", "marketing", False, False),
        (3, "email", "marketing", True, True),
        (3, "email", "marketing", False, False),
        (1, "email", "marketing", True, False),  # an older paper found later changes nothing
    ]
    assert not await may_contact(tx, customer.id, channel="email", purpose="marketing")
    for minutes, channel, purpose, granted, expected in steps:
        await record_consent(
            tx,
            customer.id,
            channel=channel,
            purpose=purpose,
            granted=granted,
            source="test",
            now=NOW + timedelta(minutes=minutes),
        )
        may = await may_contact(tx, customer.id, channel="email", purpose="marketing")
        assert may is expected
    assert len(await list_consents(tx, customer.id)) == len(steps)


async def test_consents_of_many_are_all_or_nothing(tx: Tx) -> None:
    ids = [(await upsert_customer(tx, CustomerDraft(), now=NOW)).id for _ in range(3)]
    how: dict[str, Any] = {"channel": "email", "purpose": "marketing"}
    with pytest.raises(NotFound):
        await record_consents(
            tx, [*ids, "cust_none"], **how, granted=True, source="import", now=NOW
        )
    assert await list_contactable(tx, ids, **how) == frozenset()
    await record_consents(tx, ids[:2], **how, granted=True, source="import", now=NOW)
    assert await list_contactable(tx, ids, **how) == frozenset(ids[:2])


async def test_an_erased_customer_is_gone_and_their_orders_still_count(tx: Tx) -> None:
    customer = await upsert_customer(
        tx, CustomerDraft(source_id="s", name="N", email="n@example.com"), now=NOW
    )
    draft = OrderDraft(source_id="o", customer_id="s", amount_minor=500, status=OrderStatus.PAID)
    order = await create_order(tx, draft, now=NOW)
    await record_consent(
        tx, customer.id, channel="email", purpose="m", granted=True, source="t", now=NOW
    )
    await delete_customer(tx, "s", now=LATER)
    assert await find_customer(tx, "s") is None
    assert await find_customer(tx, customer.id) is None
    assert (await list_customers(tx)).total == 0
    assert not await may_contact(tx, customer.id, channel="email", purpose="m")
    with pytest.raises(NotFound):
        await delete_customer(tx, customer.id, now=LATER)
    with pytest.raises(NotFound):
        await update_customer(tx, customer.id, CustomerDraft(name="back"), now=LATER)
    assert (await get_order(tx, "o")).amount_minor == order.amount_minor
    left = await tx.execute(
        "select concat(source_id, name, email, phone, birth_date, description, address)"
        " from customer where id = %s",
        (customer.id,),
    )
    assert await left.fetchone() == ("",)
    again = await upsert_customer(tx, CustomerDraft(source_id="s"), now=LATER)
    assert again.id != customer.id
    assert (await get_customer_summary(tx, again.id)).order_count == 0


async def test_summaries_of_who_has_not_bought_are_zero(tx: Tx) -> None:
    customer = await upsert_customer(tx, CustomerDraft(), now=NOW)
    summary = (await list_customer_summaries(tx, [customer.id]))[customer.id]
    assert (summary.order_count, summary.spend_minor, summary.last_order_at) == (0, 0, None)


async def test_the_timeline_pages_through_everything_newest_first(tx: Tx) -> None:
    customer = await upsert_customer(tx, CustomerDraft(source_id="s"), now=NOW)
    orders = [
        await create_order(
            tx,
            OrderDraft(source_id=f"o{number}", customer_id="s", amount_minor=number),
            now=NOW + timedelta(minutes=number // 2),
        )
        for number in range(5)
    ]
    walked: list[str] = []
    cursor = None
    while True:
        page = await customer_timeline(tx, customer.id, limit=2, before=cursor)
        assert page.total == 5
        walked += [entry.id for entry in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    newest_first = sorted(orders, key=lambda o: (o.placed_at, o.id), reverse=True)
    assert walked == [order.id for order in newest_first]
    facts = (await customer_timeline(tx, customer.id)).items[0].facts
    assert facts["status"] == "CREATED"


async def test_the_timeline_tells_of_vouchers_and_messages(tx: Tx) -> None:
    customer = await upsert_customer(tx, CustomerDraft(), now=NOW)
    wanted = {"customer": customer.id, "now": NOW}
    for statement in (
        "insert into voucher (id, code, offer, created_at) values ('v', 'C', '{}', %(now)s)",
        (
            "insert into publication (id, voucher_id, customer_id, channel, created_at)"
            " values ('pub', 'v', %(customer)s, 'api', %(now)s)"
        ),
        (
            "insert into redemption (id, kind, result, voucher_id, customer_id, channel,"
            " discount_minor, items_discount_minor, created_at)"
            " values ('r', 'redemption', 'SUCCESS', 'v', %(customer)s, 'api', 5, 7, %(now)s)"
        ),
        (
            "insert into redemption (id, kind, result, reverses_id, customer_id, channel, created_at)"
            " values ('rr', 'rollback', 'SUCCESS', 'r', %(customer)s, 'api', %(now)s)"
        ),
        (
            "insert into message (id, customer_id, channel, address, subject, html, plain, status,"
            " created_at) values ('m', %(customer)s, 'email', 'a@b.cn', 'Hi', '', '', 'kept', %(now)s)"
        ),
    ):
        await tx.execute(statement, wanted)
    page = await customer_timeline(tx, customer.id)
    assert page.total == 4
    assert [(entry.kind, entry.id) for entry in page.items] == [
        ("rollback", "rr"),
        ("redemption", "r"),
        ("publication", "pub"),
        ("message", "m"),
    ]
    facts = {entry.id: entry.facts for entry in page.items}
    assert facts["r"]["discount_minor"] == 12
    assert facts["m"]["subject"] == "Hi"
    assert facts["pub"]["voucher_id"] == "v"
