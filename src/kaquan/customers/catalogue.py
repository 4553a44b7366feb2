"""Entering and changing products and locations."""

import re
from datetime import datetime
from typing import Any

from msgspec import UNSET, UnsetType, structs

from kaquan.customers.checks import check_amount, check_attributes
from kaquan.customers.model import Location, LocationDraft, Product, ProductDraft
from kaquan.customers.store.catalogue import LOCATION, PRODUCT, delete_product_row
from kaquan.customers.store.upsert import GivenColumns, find_row, get_row, update_row, upsert_row
from kaquan.runtime import (
    BinnedKind,
    InvalidInput,
    NotFound,
    Tx,
    check_by_schema,
    check_metadata,
    check_name,
    check_reference,
    check_text,
    is_geopoint,
    keep_in_bin,
    new_id,
)

_RADIUS = re.compile(r"\d{1,6}(?:\.\d{1,3})?\s?(?:m|km|mi|ft|yd)")


async def upsert_product(tx: Tx, draft: ProductDraft, *, now: datetime) -> Product:
    """Store what the draft says about a product, found by our id, else by the merchant's.

    Raises InvalidInput with the field that cannot be accepted, and NotFound for an unknown id.
    """
    checked = check_product(draft)
    given = _given(checked)
    if checked.id is not None:
        known = await find_row(tx, PRODUCT, row_id=checked.id)
        if known is None:
            raise NotFound("product", checked.id)
        given = _given(structs.replace(checked, source_id=UNSET))
        await check_by_schema(tx, "product", checked.metadata, new=False)
        return await update_row(tx, PRODUCT, given, row_id=known.id, now=now)
    source_id = checked.source_id if isinstance(checked.source_id, str) else None
    known = await find_row(tx, PRODUCT, source_id=source_id) if source_id else None
    await check_by_schema(tx, "product", checked.metadata, new=known is None)
    return await upsert_row(tx, PRODUCT, given, row_id=new_id("prod"), now=now)


async def update_product(tx: Tx, reference: str, draft: ProductDraft, *, now: datetime) -> Product:
    """Store what the draft says about the product with this id (ours or the merchant's).

    Raises InvalidInput, NotFound, and Duplicate when another product has the new source_id.
    """
    given = _given(check_product(draft))
    known = await get_product(tx, reference)
    await check_by_schema(tx, "product", draft.metadata, new=False)
    return await update_row(tx, PRODUCT, given, row_id=known.id, now=now)


async def get_product(tx: Tx, reference: str) -> Product:
    """Return a product by our id, else by the merchant's; raises NotFound."""
    return await get_row(tx, PRODUCT, reference)


async def find_product(tx: Tx, reference: str) -> Product | None:
    """Return a product by our id, else by the merchant's, or None."""
    return await find_row(tx, PRODUCT, row_id=reference, source_id=reference)


async def delete_product(
    tx: Tx, reference: str, *, force: bool = False, deleted_by: str | None = None, now: datetime
) -> None:
    """Move a product with its variants to the bin or, with ``force``, remove it for good.

    Orders keep their lines. Raises NotFound.
    """
    product = await get_product(tx, reference)
    if not force:
        await keep_in_bin(
            tx, BinnedKind.PRODUCT, product.id, name=product.name, deleted_by=deleted_by, now=now
        )
    await delete_product_row(tx, product.id)


async def upsert_location(tx: Tx, draft: LocationDraft, *, now: datetime) -> Location:
    """Store what the draft says about a location, found by our id, else by the merchant's.

    Raises InvalidInput with the field that cannot be accepted (a new location needs a name), and
    NotFound for an unknown id.
    """
    checked = LocationDraft(
        id=check_reference(draft.id, "id"),
        source_id=check_reference(draft.source_id, "source_id"),
        name=check_name(draft.name, "name"),
        shape=_check_shape(draft.shape),
        metadata=_metadata(draft.metadata),
    )
    if checked.name == "":
        raise InvalidInput("A location needs a name.", field="name")
    known = None
    if checked.id is not None:
        known = await find_row(tx, LOCATION, row_id=checked.id)
        if known is None:
            raise NotFound("location", checked.id)
        checked = structs.replace(checked, source_id=UNSET)
    elif isinstance(checked.source_id, str):
        known = await find_row(tx, LOCATION, source_id=checked.source_id)
    if known is not None:
        return await update_row(tx, LOCATION, _given(checked), row_id=known.id, now=now)
    if checked.name is UNSET:
        raise InvalidInput("A location needs a name.", field="name")
    return await upsert_row(tx, LOCATION, _given(checked), row_id=new_id("loc"), now=now)


async def get_location(tx: Tx, reference: str) -> Location:
    """Return a location by our id, else by the merchant's; raises NotFound."""
    return await get_row(tx, LOCATION, reference)


async def find_location(tx: Tx, reference: str) -> Location | None:
    """Return a location by our id, else by the merchant's, or None."""
    return await find_row(tx, LOCATION, row_id=reference, source_id=reference)


def check_product(draft: ProductDraft) -> ProductDraft:
    """Return the draft with its values checked and trimmed; raises InvalidInput with the field."""
    price, attributes = draft.price_minor, draft.attributes
    if price is not None and price is not UNSET:
        check_amount(price, "price_minor")
    if attributes is not UNSET:
        check_attributes(attributes, "attributes")
    return ProductDraft(
        id=check_reference(draft.id, "id"),
        source_id=check_reference(draft.source_id, "source_id"),
        name=check_name(draft.name, "name"),
        price_minor=price,
        image_url=check_text(draft.image_url, "image_url"),
        attributes=attributes,
        metadata=_metadata(draft.metadata),
    )


def _check_shape(shape: dict[str, Any] | UnsetType | None) -> dict[str, Any] | UnsetType | None:
    if not isinstance(shape, dict):
        return shape
    check_metadata(shape, "shape")
    match shape:
        case {"type": "circle", "distance": {"center": str(center), "radius": str(radius)}}:
            if not is_geopoint(center):
                message = "The centre is 'latitude,longitude' in degrees."
                raise InvalidInput(message, field="shape.distance.center")
            if not _RADIUS.fullmatch(radius):
                message = "A radius is a number with its unit, such as 500m or 2km."
                raise InvalidInput(message, field="shape.distance.radius")
        case {
            "type": "polygon",
            "geojson": {"type": "Polygon" | "MultiPolygon", "coordinates": list()},
        }:
            pass
        case _:
            message = "A shape is a circle with its distance, or a polygon with its geojson."
            raise InvalidInput(message, field="shape")
    return shape


def _metadata(given: dict[str, object] | UnsetType) -> dict[str, object] | UnsetType:
    return given if given is UNSET else check_metadata(given, "metadata")


def _given(draft: ProductDraft | LocationDraft) -> GivenColumns:
    return GivenColumns(**{k: v for k, v in structs.asdict(draft).items() if k != "id"})
