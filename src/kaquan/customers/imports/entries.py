"""From rows as they were sent to checked entries; a row that cannot be meant raises."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET

from kaquan.customers.catalogue import check_product
from kaquan.customers.cleaning import clean_draft, read_birth_date
from kaquan.customers.imports.model import Entry, ImportKind, SourceRow
from kaquan.customers.model import CustomerDraft, ProductDraft, SkuDraft
from kaquan.customers.people import check_customer
from kaquan.customers.skus import check_sku
from kaquan.runtime import InvalidInput, Property, SchemaChecker, SchemaScope


class Terms(msgspec.Struct, frozen=True):
    """What rows are read by: when, and the country whose phone numbers need no prefix."""

    now: datetime
    country: str | None


Reader = Callable[[SourceRow, SchemaChecker, Terms], Entry]

REQUIRED: Mapping[ImportKind, tuple[str, ...]] = {
    ImportKind.CUSTOMERS_CSV: (),
    ImportKind.PRODUCTS_CSV: ("name",),
    ImportKind.SKUS_CSV: ("source_id", "product_id"),
}
"""The columns that a CSV file must have."""

_CUSTOMER_TEXTS = {
    "name": "name",
    "email": "email",
    "phone": "phone",
    "description": "description",
}
_ADDRESS = ("line_1", "line_2", "postal_code", "city", "state", "country")
_METADATA_PREFIX = "metadata."


def read_customer(row: SourceRow, checker: SchemaChecker, terms: Terms) -> Entry:
    """Read a CSV row of a customer: the dialect's columns; any other one is metadata."""
    cells = _cells(row)
    address = {
        part: cells.pop(f"address_{part}") for part in _ADDRESS if f"address_{part}" in cells
    }
    day = cells.pop("birthdate", None) or cells.pop("birthday", None)
    born = None if day is None else read_birth_date(day, field="birthdate")
    draft = CustomerDraft(
        id=cells.pop("id", None),
        source_id=cells.pop("source_id", UNSET),
        birth_date=UNSET if born is None else born,
        address=address or UNSET,
        **{field: cells.pop(name) for name, field in _CUSTOMER_TEXTS.items() if name in cells},
        metadata=_metadata(row, cells, checker, "customer"),
    )
    return _entry_of_customer(row, draft, terms)


def read_customer_draft(row: SourceRow, checker: SchemaChecker, terms: Terms) -> Entry:
    """Read a row of a bulk update, which is a draft already."""
    return _entry_of_customer(row, msgspec.convert(row.values, CustomerDraft), terms)


def read_product(row: SourceRow, checker: SchemaChecker, terms: Terms) -> Entry:
    """Read a CSV row of a product; attributes are names between commas."""
    cells = _cells(row)
    price, attributes = cells.pop("price", None), cells.pop("attributes", None)
    if "name" not in cells:
        raise InvalidInput("A product needs a name.", field="name")
    draft = ProductDraft(
        id=cells.pop("id", None),
        source_id=cells.pop("source_id", UNSET),
        name=cells.pop("name"),
        price_minor=UNSET if price is None else _whole(price, "price"),
        image_url=cells.pop("image_url", UNSET),
        attributes=UNSET
        if attributes is None
        else {part.strip(): [] for part in attributes.split(",") if part.strip()},
        metadata=_metadata(row, cells, checker, "product"),
    )
    return _entry_of_product(row, draft)


def read_product_draft(row: SourceRow, checker: SchemaChecker, terms: Terms) -> Entry:
    """Read a row of a bulk update, which is a draft already."""
    return _entry_of_product(row, msgspec.convert(row.values, ProductDraft))


def read_sku(row: SourceRow, checker: SchemaChecker, terms: Terms) -> Entry:
    """Read a CSV row of a variant; attributes are a JSON object."""
    cells = _cells(row)
    for name in REQUIRED[ImportKind.SKUS_CSV]:
        if name not in cells:
            raise InvalidInput("This may not be missing.", field=name)
    price, attributes = cells.pop("price", None), cells.pop("attributes", None)
    parent = cells.pop("product_id")
    draft = check_sku(
        SkuDraft(
            source_id=cells.pop("source_id"),
            name=cells.pop("sku", UNSET),
            price_minor=UNSET if price is None else _whole(price, "price"),
            currency=cells.pop("currency", UNSET),
            image_url=cells.pop("image_url", UNSET),
            attributes=UNSET if attributes is None else _json(attributes, "attributes"),
            metadata=_metadata(row, cells, checker, "product"),
        )
    )
    return _entry(row, draft, parent=parent)


READERS: Mapping[ImportKind, Reader] = {
    ImportKind.CUSTOMERS_CSV: read_customer,
    ImportKind.CUSTOMERS_BULK: read_customer_draft,
    ImportKind.CUSTOMERS_METADATA: read_customer_draft,
    ImportKind.PRODUCTS_CSV: read_product,
    ImportKind.PRODUCTS_BULK: read_product_draft,
    ImportKind.PRODUCTS_METADATA: read_product_draft,
    ImportKind.SKUS_CSV: read_sku,
}


def _entry_of_customer(row: SourceRow, draft: CustomerDraft, terms: Terms) -> Entry:
    changes = clean_draft(draft, country=terms.country).changes
    checked = check_customer(draft, country=terms.country, now=terms.now)
    return msgspec.structs.replace(_entry(row, checked), changes=changes)


def _entry_of_product(row: SourceRow, draft: ProductDraft) -> Entry:
    return _entry(row, check_product(draft))


def _entry(
    row: SourceRow, draft: CustomerDraft | ProductDraft | SkuDraft, *, parent: str | None = None
) -> Entry:
    given = {
        name: value
        for name, value in msgspec.structs.asdict(draft).items()
        if name not in ("id", "source_id") and value is not UNSET
    }
    source_id = draft.source_id if isinstance(draft.source_id, str) else None
    return Entry(row=row, row_id=draft.id, source_id=source_id, given=given, parent=parent)


def _cells(row: SourceRow) -> dict[str, str]:
    """Return the cells that say something, by lower-cased header."""
    return {name.lower(): cell.strip() for name, cell in row.values.items() if cell.strip()}


def _metadata(
    row: SourceRow, left: Mapping[str, str], checker: SchemaChecker, subject: str
) -> dict[str, Any]:
    """Return the cells under headers that mean nothing else, typed as their schema says."""
    schema = checker.find(SchemaScope.STANDARD, subject)
    properties = {} if schema is None else schema.properties
    found: dict[str, Any] = {}
    for header, cell in row.values.items():
        if header.lower() not in left:
            continue
        lowered = header.lower()
        key = header[len(_METADATA_PREFIX) :] if lowered.startswith(_METADATA_PREFIX) else header
        definition = properties.get(key)
        found[key] = cell.strip() if definition is None else typed_cell(cell.strip(), definition)
    return found


def typed_cell(cell: str, definition: Property) -> Any:
    """Return a cell in the type of its property, a list's parts between commas."""
    if definition.array:
        return [_single(part.strip(), definition) for part in cell.split(",") if part.strip()]
    return _single(cell, definition)


def _single(text: str, definition: Property) -> Any:
    """Return a cell in the type of its property; what is not of it stays for the schema to refuse."""
    match definition.type:
        case "number" | "object":
            try:
                return msgspec.json.decode(text)
            except msgspec.DecodeError:
                return text
        case "boolean":
            return {"true": True, "false": False}.get(text.lower(), text)
        case _:
            return text


def _whole(text: str, field: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 16:
        message = "This must be a whole number of minor units."
        raise InvalidInput(message, field=field)
    return int(text)


def _json(text: str, field: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise InvalidInput("This must be a JSON object.", field=field) from error
