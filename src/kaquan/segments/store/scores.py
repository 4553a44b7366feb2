"""SQL of RFM scores and predictions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import LiteralString

from kaquan.runtime import Tx, struct_row
from kaquan.segments.model import BandFigures, RfmScore, ScoreCell

_SCORES: LiteralString = (
    "customer_id, recency_days, frequency, monetary_minor, recency_score, frequency_score,"
    " monetary_score, band, as_of"
)


# Quintiles: ntile cuts the ranking into five, and equal figures share the lowest of their
# tiles, so that two customers who did the same never get different scores.
_SCORE: LiteralString = """
with bought as (
    select o.customer_id, max(o.placed_at) as latest, count(*) as frequency,
           sum(net_total(o)) as monetary
      from orders o join customer c on c.project_id = o.project_id and c.id = o.customer_id
     where o.status = any(%(counted)s) and o.placed_at <= %(as_of)s and c.erased_at is null
     group by o.customer_id
), tiled as (
    select *, ntile(5) over (order by latest, customer_id) as recency_tile,
           ntile(5) over (order by frequency, customer_id) as frequency_tile,
           ntile(5) over (order by monetary, customer_id) as monetary_tile
      from bought
), scored as (
    select *, min(recency_tile) over (partition by latest) as r,
           min(frequency_tile) over (partition by frequency) as f,
           min(monetary_tile) over (partition by monetary) as m
      from tiled
), gone as (
    delete from rfm_score k where not exists (
        select from scored where scored.customer_id = k.customer_id)
)
insert into rfm_score as k (customer_id, recency_days, frequency, monetary_minor,
                            recency_score, frequency_score, monetary_score, band, as_of)
select customer_id, floor(extract(epoch from %(as_of)s - latest) / 86400), frequency,
       least(monetary, 9223372036854775807), r, f, m,
       (%(bands)s::text[])[(r - 1) * 5 + (f + m + 1) / 2], %(as_of)s
  from scored order by customer_id
on conflict (project_id, customer_id) do update
   set recency_days = excluded.recency_days, frequency = excluded.frequency,
       monetary_minor = excluded.monetary_minor, recency_score = excluded.recency_score,
       frequency_score = excluded.frequency_score, monetary_score = excluded.monetary_score,
       band = excluded.band, as_of = excluded.as_of
"""


async def replace_scores(
    tx: Tx, *, as_of: datetime, counted: Sequence[str], bands: Sequence[str]
) -> int:
    """Score every customer who had bought by ``as_of``; returns how many.

    ``bands`` holds 25 codes: five for each recency score from 1 to 5.
    """
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended(current_project() || ' rfm', 0))"
    )
    cursor = await tx.execute(
        _SCORE, {"as_of": as_of, "counted": list(counted), "bands": list(bands)}
    )
    return cursor.rowcount


async def find_score(tx: Tx, customer_id: str) -> RfmScore | None:
    """Return a customer's scores, or None for one who was not scored."""
    async with tx.cursor(row_factory=struct_row(RfmScore)) as cursor:
        await cursor.execute(
            f"select {_SCORES} from rfm_score where customer_id = %s", (customer_id,)
        )
        return await cursor.fetchone()


async def list_band_figures(tx: Tx) -> list[BandFigures]:
    """Return the figures of each band that has any customer."""
    async with tx.cursor(row_factory=struct_row(BandFigures)) as cursor:
        await cursor.execute(
            "select band, count(*) as count, sum(monetary_minor)::bigint as monetary_minor"
            "  from rfm_score group by band order by band"
        )
        return await cursor.fetchall()


async def list_score_cells(tx: Tx) -> list[ScoreCell]:
    """Return the customers by recency and frequency score."""
    async with tx.cursor(row_factory=struct_row(ScoreCell)) as cursor:
        await cursor.execute(
            "select recency_score as recency, frequency_score as frequency, count(*) as count,"
            "       sum(monetary_minor)::bigint as monetary_minor"
            "  from rfm_score group by 1, 2 order by 1, 2"
        )
        return await cursor.fetchall()


async def find_scored_at(tx: Tx) -> datetime | None:
    """Return as of when the scores are; None before the first scoring."""
    cursor = await tx.execute("select max(as_of) from rfm_score")
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def upsert_predictions(
    tx: Tx, name: str, values: Mapping[str, Decimal], *, as_of: datetime
) -> int:
    """Store what a model says of customers; returns how many said something new."""
    cursor = await tx.execute(
        "insert into customer_score as k (customer_id, name, value, as_of)"
        " select c.id, %(name)s, given.value, %(as_of)s"
        "   from unnest(%(ids)s::text[], %(values)s::numeric[]) as given (id, value)"
        "   join customer c on c.id = given.id and c.erased_at is null order by c.id"
        " on conflict (project_id, customer_id, name) do update"
        "    set value = excluded.value, as_of = excluded.as_of"
        "  where k.as_of <= excluded.as_of",
        {"name": name, "ids": list(values), "values": list(values.values()), "as_of": as_of},
    )
    return cursor.rowcount


async def list_prediction_names(tx: Tx) -> list[str]:
    """Return the names of all predictions that customers have."""
    cursor = await tx.execute("select distinct name from customer_score order by name")
    return [row[0] for row in await cursor.fetchall()]
