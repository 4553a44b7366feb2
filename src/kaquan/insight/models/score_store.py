"""SQL of predictions as files: a row a customer, a pair of columns a prediction."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any, LiteralString

from psycopg import sql

from kaquan.runtime import Tx

# In the order of the key, so that nothing is sorted or gathered before the first row.
_ROWS: LiteralString = """
    select k.customer_id, c.source_id, {columns}
      from customer_score k
      join customer c on c.project_id = k.project_id and c.id = k.customer_id
     where k.name = any(%(names)s) and c.erased_at is null
     group by k.project_id, k.customer_id, c.source_id order by k.project_id, k.customer_id
"""
_PAIR: LiteralString = (
    "trim_scale(max(k.value) filter (where k.name = {name})),"
    " max(k.as_of) filter (where k.name = {name})"
)


async def stream_score_rows(
    tx: Tx, names: Sequence[str], *, rows_a_part: int
) -> AsyncGenerator[list[tuple[Any, ...]]]:
    """Yield whoever has one of the predictions, part by part, from a cursor on the server.

    A row is the customer's id and own id, then value and moment of each prediction in turn.
    """
    places = {f"name_{number}": name for number, name in enumerate(names)}
    pairs = [sql.SQL(_PAIR).format(name=sql.Placeholder(place)) for place in places]
    query = sql.SQL(_ROWS).format(columns=sql.SQL(", ").join(pairs))
    async with tx.cursor(name="scores") as cursor:
        await cursor.execute(query, {**places, "names": list(names)})
        while part := await cursor.fetchmany(rows_a_part):
            yield part
