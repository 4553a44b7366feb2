"""Two tables, orders and their lines, made into one row an order with its lines as arrays."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from kaquan.customers.columns import (
    Array,
    Integers,
    array_elements,
    array_literals,
    filled_numbers,
    json_column,
    number_column,
    optional_number_column,
    refuse_unknown,
    refuse_where,
    replaced,
    require_columns,
    row_of,
    text_column,
    time_column,
    unique_text_column,
)
from kaquan.customers.model import OrderStatus
from kaquan.runtime import LONGEST_REFERENCE, MAX_MINOR, InvalidInput

_LINE_FIELDS = ("quantity", "unit_price_minor", "amount_minor", "discount_minor")
# Sums are taken in two halves of this many bits, so that no sum of 64-bit integers overflows.
_HALF_BITS = 26


class OrderColumns(msgspec.Struct, frozen=True, kw_only=True):
    """Checked orders in the rows of their table; the lines of row i are offsets[i]:offsets[i+1]."""

    fixed: Mapping[str, Any]
    customers: Array
    locations: Array
    products: Array
    lines: Mapping[str, Integers]
    offsets: Integers

    def columns(
        self,
        *,
        customers: Mapping[str, str | None],
        locations: Mapping[str, str | None],
        products: Mapping[str, str | None],
    ) -> dict[str, Any]:
        """Return the columns to be staged, given our id for each merchant's id.

        Raises InvalidInput for an unknown customer or location.
        """
        customer_ids = replaced(self.customers, customers)
        location_ids = replaced(self.locations, locations)
        refuse_unknown(self.customers, customer_ids, name="customer_source_id", kind="customer")
        refuse_unknown(self.locations, location_ids, name="location_source_id", kind="location")
        return {
            "source_id": self.fixed["source_id"],
            "customer_id": customer_ids,
            "location_id": location_ids,
            "status": self.fixed["status"],
            "amount_minor": self.fixed["amount_minor"],
            "discount_minor": self.fixed["discount_minor"],
            "items_discount_minor": self.fixed["items_discount_minor"],
            "line_product_ids": array_literals(replaced(self.products, products), self.offsets),
            "line_source_ids": array_literals(array_elements(self.products), self.offsets),
            **{
                f"line_{column}": array_literals(pa.array(self.lines[field]), self.offsets)
                for column, field in zip(
                    ("quantities", "unit_prices", "amounts", "discounts"),
                    _LINE_FIELDS,
                    strict=True,
                )
            },
            "metadata": self.fixed["metadata"],
            "placed_at": self.fixed["placed_at"],
        }


def read_orders(orders: pa.Table, lines: pa.Table) -> OrderColumns:
    """Check both tables and bring the lines into the order of their orders.

    The columns are those of load_orders. Raises InvalidInput with column and row.
    """
    require_columns(
        orders,
        required=["source_id", "placed_at"],
        optional=[
            "customer_source_id",
            "location_source_id",
            "status",
            "amount_minor",
            "discount_minor",
            "metadata",
        ],
    )
    source_ids = unique_text_column(orders, "source_id", longest=LONGEST_REFERENCE)
    try:
        products, numbers, order_rows = _read_lines(lines, source_ids)
    except InvalidInput as error:
        raise InvalidInput(error.message, field=f"lines.{error.field}") from error
    count = orders.num_rows
    offsets = np.concatenate(([0], np.cumsum(np.bincount(order_rows, minlength=count))))
    amounts = filled_numbers(
        optional_number_column(orders, "amount_minor"), _sums(numbers["amount_minor"], offsets)
    )
    discounts = number_column(orders, "discount_minor", default=0)
    items_discounts = _sums(numbers["discount_minor"], offsets)
    refuse_where(
        pa.array(discounts + items_discounts > amounts),
        "discount_minor",
        "The discounts cannot be more than the order's amount.",
    )
    return OrderColumns(
        fixed={
            "source_id": source_ids,
            "status": _statuses(orders),
            "amount_minor": amounts,
            "discount_minor": discounts,
            "items_discount_minor": items_discounts,
            "metadata": json_column(orders, "metadata", missing="{}"),
            "placed_at": time_column(orders, "placed_at", required=True),
        },
        customers=text_column(orders, "customer_source_id", longest=LONGEST_REFERENCE),
        locations=text_column(orders, "location_source_id", longest=LONGEST_REFERENCE),
        products=products,
        lines=numbers,
        offsets=offsets,
    )


def _read_lines(lines: pa.Table, source_ids: Array) -> tuple[Array, dict[str, Integers], Integers]:
    """Return products, numbers and rows of the orders, sorted by the rows of the orders."""
    require_columns(
        lines,
        required=["order_source_id", "product_source_id", "quantity", "unit_price_minor"],
        optional=["amount_minor", "discount_minor"],
    )
    references = text_column(lines, "order_source_id", required=True)
    rows = row_of(
        references, source_ids, name="order_source_id", message="There is no such order here."
    )
    products = text_column(lines, "product_source_id", longest=LONGEST_REFERENCE)
    quantity = number_column(lines, "quantity", least=1)
    price = number_column(lines, "unit_price_minor")
    stated = optional_number_column(lines, "amount_minor")
    too_large = price > MAX_MINOR // quantity
    refuse_where(
        pa.array(too_large & np.asarray(stated.is_null())),
        "unit_price_minor",
        "Quantity times price exceeds 2^53-1.",
    )
    amount = filled_numbers(stated, np.where(too_large, 0, quantity * price))
    discount = number_column(lines, "discount_minor", default=0)
    refuse_where(
        pa.array(discount > amount),
        "discount_minor",
        "A line's discount cannot be more than its amount.",
    )
    numbers: dict[str, Integers] = dict(
        zip(_LINE_FIELDS, (quantity, price, amount, discount), strict=True)
    )
    if len(rows) > 1 and bool((rows[1:] < rows[:-1]).any()):
        sequence = np.argsort(rows, kind="stable")
        products = products.take(pa.array(sequence))
        numbers = {name: values[sequence] for name, values in numbers.items()}
        rows = rows[sequence]
    return products, numbers, rows


def _sums(values: Integers, offsets: Integers) -> Integers:
    """Return the sum of each run; refuse one beyond 2^53-1."""
    high = _run_sums(values >> _HALF_BITS, offsets)
    low = _run_sums(values & ((1 << _HALF_BITS) - 1), offsets)
    message = "The lines' sum exceeds 2^53-1."
    refuse_where(pa.array(high > MAX_MINOR >> _HALF_BITS), "amount_minor", message)
    sums = (high << _HALF_BITS) + low
    refuse_where(pa.array(sums > MAX_MINOR), "amount_minor", message)
    return sums


def _run_sums(values: Integers, offsets: Integers) -> Integers:
    running = np.concatenate(([0], np.cumsum(values)))
    return running[offsets[1:]] - running[offsets[:-1]]


def _statuses(orders: pa.Table) -> Array:
    given: Any = text_column(orders, "status").fill_null(OrderStatus.FULFILLED)
    known = pa.array([status.value for status in OrderStatus], pa.string())
    row_of(given, known, name="status", message=f"This is none of {', '.join(OrderStatus)}.")
    return given
