"""SQL of portraits: figures from orders, lines, consents and scores of one customer."""

from datetime import date, datetime
from typing import Any, Literal, LiteralString

import msgspec

from kaquan.customers.model import COUNTED_STATUSES
from kaquan.runtime import Page, Tx, struct_row

_FAVOURITES = 5


class Favourite(msgspec.Struct, frozen=True, kw_only=True):
    """Something bought often: in how many orders, and for how much (minor units)."""

    name: str
    order_count: int
    amount_minor: int


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """When and how a customer buys; only orders that count."""

    order_count: int
    amount_minor: int
    discount_minor: int
    discounted_count: int
    first_at: datetime | None
    last_at: datetime | None
    gap_days: int | None
    hours: list[int]
    weekdays: list[int]


async def read_habits(tx: Tx, customer_id: str, *, zone: str) -> Habits:
    """Return when and how a customer buys, hours and weekdays in ``zone``."""
    async with tx.cursor(row_factory=struct_row(Habits)) as cursor:
        await cursor.execute(
            "with bought as materialized ("
            " select o.placed_at, o.placed_at at time zone %(zone)s as there,"
            "        net_amount(o) as amount_minor, net_amount(o) - net_total(o) as off_minor"
            "   from orders o where o.customer_id = %(id)s and o.status = any(%(counted)s)"
            "), days as (select distinct there::date as day from bought"
            "), gaps as (select day - lag(day) over (order by day) as gap from days)"
            " select count(*) as order_count, coalesce(sum(amount_minor), 0)::bigint as amount_minor,"
            "  coalesce(sum(off_minor), 0)::bigint as discount_minor,"
            "  count(*) filter (where off_minor > 0) as discounted_count,"
            "  min(placed_at) as first_at, max(placed_at) as last_at,"
            "  (select percentile_disc(0.5) within group (order by gap) from gaps"
            "    where gap is not null) as gap_days,"
            "  (select array_agg((select count(*) from bought"
            "     where extract(hour from there) = hour)::int order by hour)"
            "    from generate_series(0, 23) as hour) as hours,"
            "  (select array_agg((select count(*) from bought"
            "     where extract(isodow from there) = day)::int order by day)"
            "    from generate_series(1, 7) as day) as weekdays"
            " from bought",
            {"id": customer_id, "zone": zone, "counted": list(COUNTED_STATUSES)},
        )
        row = await cursor.fetchone()
    assert row is not None
    return row


async def rank_spend(tx: Tx, customer_id: str) -> int | None:
    """Return the share of buying customers who spent less, in basis points; None without orders."""
    cursor = await tx.execute(
        "select (select count(*) from customer_summary o where o.spend_minor < s.spend_minor)"
        "  * 10000 / greatest(1, (select count(*) - 1 from customer_summary))"
        " from customer_summary s where s.customer_id = %s",
        (customer_id,),
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def list_favourite_goods(
    tx: Tx, customer_id: str, *, attribute: Literal["category", "brand"] | None
) -> list[Favourite]:
    """Return the values of a product's attribute that are in most orders; products without one."""
    named: LiteralString = (
        "coalesce(p.name, l.source_id, p.source_id)"
        if attribute is None
        else "coalesce(p.attributes ->> 'category', p.attributes ->> 'department')"
        if attribute == "category"
        else "p.attributes ->> 'brand'"
    )
    return await _favourites(
        tx,
        f"select {named} as name, count(distinct l.order_id) as order_count,"
        " sum(l.amount_minor - l.discount_minor)::bigint as amount_minor"
        " from order_line l left join product p"
        "   on p.project_id = l.project_id and p.id = l.product_id"
        " where l.customer_id = %(id)s and l.status = any(%(counted)s)"
        f"   and {named} is not null",
        customer_id,
    )


async def list_favourite_locations(tx: Tx, customer_id: str) -> list[Favourite]:
    """Return where a customer bought most often."""
    return await _favourites(
        tx,
        "select w.name, count(*) as order_count, sum(net_total(o))::bigint as amount_minor"
        " from orders o join location w on w.project_id = o.project_id and w.id = o.location_id"
        " where o.customer_id = %(id)s and o.status = any(%(counted)s)",
        customer_id,
    )


async def _favourites(tx: Tx, query: LiteralString, customer_id: str) -> list[Favourite]:
    parameters: dict[str, Any] = {
        "id": customer_id,
        "counted": list(COUNTED_STATUSES),
        "limit": _FAVOURITES,
    }
    async with tx.cursor(row_factory=struct_row(Favourite)) as cursor:
        await cursor.execute(
            query + " group by 1 order by 2 desc, 3 desc, 1 limit %(limit)s", parameters
        )
        return await cursor.fetchall()


async def list_reach(tx: Tx, customer_id: str) -> list[tuple[str, bool, bool]]:
    """Return, for e-mail, SMS and channels consented to: an address is known, marketing agreed."""
    cursor = await tx.execute(
        "with latest as (select distinct on (k.channel) k.channel, k.granted from consent k"
        "  where k.customer_id = %(id)s and k.purpose = 'marketing'"
        "  order by k.channel, k.at desc),"
        " channel (name) as (values ('email'), ('sms') union select channel from latest)"
        " select n.name,"
        "   case n.name when 'email' then c.email is not null when 'sms' then c.phone is not null"
        "    else exists (select from customer_identity i where i.customer_id = c.id"
        "         and i.kind in ('openid', 'unionid', 'device')) end,"
        "   coalesce(l.granted, false)"
        " from channel n cross join customer c left join latest l on l.channel = n.name"
        " where c.id = %(id)s order by n.name",
        {"id": customer_id},
    )
    return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]


class VisitedPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A location and on how many days a customer was seen there, the last time included."""

    name: str
    day_count: int
    last_at: datetime


class SurveyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer answered last in a survey; ``event_id`` is where it stands."""

    survey: str
    score: int | None
    comment: str | None
    at: datetime
    event_id: str


_SEEN: LiteralString = (
    "with seen as ("
    " select w.name, e.at from event e join location w"
    "     on e.metadata ->> 'location_id' in (w.source_id, w.id)"
    "  where e.customer_id = %(id)s and e.name = 'Store Visited'"
    "    and not is_browsing(e.name)"
    " union all select w.name, r.created_at from redemption r join location w"
    "     on w.project_id = r.project_id and w.id = r.location_id"
    "  where r.customer_id = %(id)s and r.kind = 'redemption' and r.result = 'SUCCESS')"
)
"""Where and when a customer was seen: told visits and redemptions."""


async def list_visited(tx: Tx, customer_id: str, *, zone: str) -> list[VisitedPlace]:
    """Return where a customer was most often: told visits and redemptions, a day counts once."""
    async with tx.cursor(row_factory=struct_row(VisitedPlace)) as cursor:
        await cursor.execute(
            _SEEN + " select name, count(distinct (at at time zone %(zone)s)::date) as day_count,"
            "  max(at) as last_at from seen"
            " group by name order by 2 desc, 3 desc, 1 limit %(limit)s",
            {"id": customer_id, "zone": zone, "limit": _FAVOURITES},
        )
        return await cursor.fetchall()


class VisitDay(msgspec.Struct, frozen=True, kw_only=True):
    """A day on which a customer was seen at a location, how often, and when last."""

    name: str
    day: date
    times: int
    last_at: datetime


async def list_visit_days(
    tx: Tx,
    customer_id: str,
    *,
    zone: str,
    name: str | None = None,
    page: int = 1,
    limit: int,
) -> Page[VisitDay]:
    """Return the days that list_visited counts, of one location or all, the latest first."""
    asked: dict[str, object] = {"id": customer_id, "zone": zone, "name": name}
    days = (
        _SEEN + ", days as (select name, (at at time zone %(zone)s)::date as day,"
        "  count(*) as times, max(at) as last_at from seen"
        "  where %(name)s::text is null or name = %(name)s group by 1, 2)"
    )
    counted = await (await tx.execute(days + " select count(*) from days", asked)).fetchone()
    assert counted is not None
    async with tx.cursor(row_factory=struct_row(VisitDay)) as cursor:
        await cursor.execute(
            days + " select name, day, times, last_at from days"
            " order by last_at desc, name limit %(limit)s offset %(offset)s",
            asked | {"limit": limit, "offset": (page - 1) * limit},
        )
        found = await cursor.fetchall()
    more = str(page + 1) if page * limit < counted[0] else None
    return Page(found, total=counted[0], next_cursor=more)


async def list_answers(tx: Tx, customer_id: str) -> list[SurveyAnswer]:
    """Return what a customer answered last in each survey, the newest first."""
    async with tx.cursor(row_factory=struct_row(SurveyAnswer)) as cursor:
        await cursor.execute(
            "select * from (select distinct on (metadata ->> 'survey')"
            "   metadata ->> 'survey' as survey, (metadata ->> 'score')::int as score,"
            "   metadata ->> 'comment' as comment, at, id as event_id"
            "   from event where customer_id = %(id)s and name = 'Survey Answered'"
            "    and not is_browsing(name) order by metadata ->> 'survey', at desc, id desc) latest"
            " order by at desc, event_id desc limit %(limit)s",
            {"id": customer_id, "limit": _FAVOURITES},
        )
        return await cursor.fetchall()


async def list_scores(tx: Tx, customer_id: str) -> list[tuple[str, str, datetime]]:
    """Return what models predict of a customer: names, exact decimals, and as of when."""
    cursor = await tx.execute(
        "select name, trim_scale(value)::text, as_of from customer_score where customer_id = %s"
        " order by name",
        (customer_id,),
    )
    return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]
