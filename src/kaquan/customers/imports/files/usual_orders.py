"""Orders of a chunk of which nothing is unusual, worked out as columns and not one by one.

What comes of it is what order_rows makes of the same rows. Wherever anything needs a closer look,
which is a row with a problem, an amount that is stated, an order whose rows do not agree or that
comes twice, there is no answer, and the orders are read one by one.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kaquan.customers.columns import Integers
from kaquan.customers.imports.files.prepare import Prepared
from kaquan.customers.model import OrderStatus
from kaquan.customers.order_columns import OrderColumns
from kaquan.runtime import MAX_MINOR

_ARROW: Any = pa
_KERNELS: Any = pc
_UNUSUAL = ("amount_minor", "discount_minor", "line.amount_minor")
_LARGEST_AMOUNT = MAX_MINOR >> 20
"""Of a line: the million lines that no order has come to less than MAX_MINOR."""


def find_usual_orders(prepared: Prepared) -> OrderColumns | None:
    """Return the orders of a chunk with a row a line, in the order of the file; None: look closer."""
    values = prepared.values
    if (
        prepared.problems
        or prepared.metadata is not None
        or not prepared.chunk.lines
        or any(one is not None for name in _UNUSUAL for one in values.get(name, ()))
        or None in values.get("line.unit_price_minor", (None,))
    ):
        return None
    ids = _texts(values["source_id"])
    starts = _starts(ids)
    own = ids.take(_ARROW.array(starts))
    lines = _lines(values, len(ids))
    if lines is None or _KERNELS.count_distinct(own).as_py() != len(own):
        return None
    shared = _shared(values, starts, len(ids))
    if shared is None:
        return None
    count = len(starts)
    return OrderColumns(
        fixed={
            "source_id": own,
            "status": _KERNELS.fill_null(shared["status"], OrderStatus.FULFILLED.value),
            "amount_minor": np.add.reduceat(lines["amount_minor"], starts),
            "discount_minor": np.zeros(count, np.int64),
            "items_discount_minor": np.add.reduceat(lines["discount_minor"], starts),
            "metadata": _ARROW.array(["{}"] * count, _ARROW.string()),
            "placed_at": shared["placed_at"],
        },
        customers=shared["customer"],
        locations=shared["location"],
        products=_texts(values["line.product"])
        if "line.product" in values
        else _ARROW.nulls(len(ids), _ARROW.string()),
        lines=lines,
        offsets=np.append(starts, len(ids)),
    )


def _texts(column: list[Any]) -> Any:
    return _ARROW.array(column, _ARROW.string())


def _starts(ids: Any) -> Integers:
    """Return the places at which the rows of another order begin."""
    changes = _KERNELS.not_equal(ids.slice(1), ids.slice(0, len(ids) - 1))
    return np.concatenate(([0], np.flatnonzero(changes.to_numpy(zero_copy_only=False)) + 1))


def _lines(values: dict[str, list[Any]], count: int) -> dict[str, Integers] | None:
    """Return the numbers of all lines, if each discount is within its amount and that in bounds."""
    price = np.array(values["line.unit_price_minor"], np.int64)
    quantity, discount = (
        np.array([one or nothing for one in values[name]], np.int64)
        if name in values
        else np.full(count, nothing)
        for name, nothing in (("line.quantity", 1), ("line.discount_minor", 0))
    )
    if (price > _LARGEST_AMOUNT // quantity).any():
        return None
    amount = quantity * price
    if (discount > amount).any():
        return None
    return {
        "quantity": quantity,
        "unit_price_minor": price,
        "amount_minor": amount,
        "discount_minor": discount,
    }


def _shared(values: dict[str, list[Any]], starts: Integers, count: int) -> dict[str, Any] | None:
    """Return what orders say once, if the first row of each says all that any of its rows does."""
    owners = _ARROW.array(np.repeat(np.arange(len(starts)), np.diff(np.append(starts, count))))
    places = _ARROW.array(starts)
    found: dict[str, Any] = {}
    for name in ("placed_at", "customer", "location", "status", "currency"):
        kind = _ARROW.timestamp("us", "UTC") if name == "placed_at" else _ARROW.string()
        if name not in values:
            found[name] = _ARROW.nulls(len(starts), kind)
            continue
        column = _ARROW.array(values[name], kind)
        first = column.take(places)
        said = first.take(owners)
        neither = _KERNELS.and_(_KERNELS.is_null(column), _KERNELS.is_null(said))
        same = _KERNELS.fill_null(_KERNELS.equal(column, said), neither)
        if not _KERNELS.all(same).as_py():
            return None
        found[name] = first
    return found
