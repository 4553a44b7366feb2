"""The nouns of imports: what is imported, a row of it, and what became of a row."""

from enum import StrEnum
from typing import Any

import msgspec

from kaquan.customers.cleaning import Change
from kaquan.customers.model import CustomerDraft, OrderDraft, ProductDraft


class ImportKind(StrEnum):
    """What is imported and how it was sent; the values are the dialect's names of the work."""

    CUSTOMERS_CSV = "customers.import_csv"
    CUSTOMERS_BULK = "customers.bulk_update"
    CUSTOMERS_METADATA = "customers.metadata_update"
    PRODUCTS_CSV = "products.import_csv"
    PRODUCTS_BULK = "products.bulk_update"
    PRODUCTS_METADATA = "products.metadata_update"
    SKUS_CSV = "skus.import_csv"
    ORDERS = "orders.import"

    @property
    def reports_all(self) -> bool:
        """Whether every row stands in the report, not only those that were refused."""
        return self.value.endswith("_update")

    @property
    def noun(self) -> str:
        """What one row of it is."""
        return {"customers": "customer", "products": "product", "skus": "sku", "orders": "order"}[
            self.value.partition(".")[0]
        ]


class SourceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row as it was sent: its number from 1, its line in the file, and its values or a reason.

    ``values`` are the texts of a CSV row by column, or the JSON object of one. ``reason`` says why
    the row cannot be read at all.
    """

    number: int
    line: int
    values: dict[str, Any]
    reason: str | None = None


class ImportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What an import works on: the file that was sent and the one that reports on its rows."""

    file_id: str
    report_id: str
    is_csv: bool


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A row made out: the object that it is about and the columns that it gives.

    ``given`` leaves out what the row does not say; None empties a column. ``row_id`` is our id,
    ``source_id`` the merchant's; without either the row is something new. ``parent`` is the
    product of a variant (our id or the merchant's). ``changes`` is what cleaning changed.
    """

    row: SourceRow
    row_id: str | None
    source_id: str | None
    given: dict[str, Any]
    parent: str | None = None
    changes: tuple[Change, ...] = ()


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a row: stored (``found`` before, or new) or refused for a reason."""

    row: SourceRow
    reference: str | None
    found: bool = False
    reason: str | None = None
    changes: tuple[Change, ...] = ()


class OrderRow(msgspec.Struct, frozen=True, kw_only=True):
    """An order to be imported with what it brings along; or why it cannot be read."""

    order: OrderDraft | None = None
    customer: CustomerDraft | None = None
    products: tuple[ProductDraft, ...] = ()
    reference: str | None = None
    reason: str | None = None
