"""Entering and changing variants of products."""

from datetime import datetime

from msgspec import UNSET, structs

from kaquan.customers.catalogue import get_product
from kaquan.customers.checks import check_amount
from kaquan.customers.model import Sku, SkuDraft
from kaquan.customers.store.skus import SKU, delete_sku_row, insert_sku_row
from kaquan.customers.store.upsert import GivenColumns, find_row, get_row, update_row
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
    get_project,
    keep_in_bin,
    new_id,
)


async def upsert_sku(tx: Tx, product: str, draft: SkuDraft, *, now: datetime) -> Sku:
    """Store what the draft says about a variant of a product (our id or the merchant's).

    The variant is found by our id, else by the merchant's, else entered as new. Raises NotFound
    for an unknown product or id, and InvalidInput with the field that cannot be accepted: also
    for a merchant's id that is another product's variant already.
    """
    parent = await get_product(tx, product)
    checked = check_sku(draft)
    await check_currency(tx, checked)
    if checked.id is not None:
        known = await find_row(tx, SKU, row_id=checked.id)
        if known is None:
            raise NotFound("sku", checked.id)
        checked = structs.replace(checked, source_id=UNSET)
    else:
        known = None
        if isinstance(checked.source_id, str):
            known = await find_row(tx, SKU, source_id=checked.source_id)
    if known is not None and known.product_id != parent.id:
        message = "This variant belongs to another product."
        raise InvalidInput(message, field="source_id", key="invalid_sku")
    await check_by_schema(tx, "product", checked.metadata, new=known is None)
    sku_id = new_id("sku") if known is None else known.id
    if known is None:
        await insert_sku_row(tx, sku_id, parent.id, now=now)
    sku = await update_row(tx, SKU, _given(checked), row_id=sku_id, now=now)
    return structs.replace(sku, updated_at=None) if known is None else sku


async def update_sku(
    tx: Tx, product: str, reference: str, draft: SkuDraft, *, now: datetime
) -> Sku:
    """Store what the draft says about a variant of a product; its ids stay as they are.

    Raises InvalidInput, and NotFound for a variant that this product has not.
    """
    known = await get_sku(tx, reference, product=product)
    checked = structs.replace(check_sku(draft), source_id=UNSET)
    await check_currency(tx, checked)
    await check_by_schema(tx, "product", checked.metadata, new=False)
    return await update_row(tx, SKU, _given(checked), row_id=known.id, now=now)


async def get_sku(tx: Tx, reference: str, *, product: str | None = None) -> Sku:
    """Return a variant by our id, else by the merchant's; raises NotFound.

    With ``product`` (our id or the merchant's) only a variant of that one.
    """
    sku = await get_row(tx, SKU, reference)
    if product is not None and sku.product_id != (await get_product(tx, product)).id:
        raise NotFound("sku", reference)
    return sku


async def delete_sku(
    tx: Tx,
    product: str,
    reference: str,
    *,
    force: bool = False,
    deleted_by: str | None = None,
    now: datetime,
) -> None:
    """Move a variant to the bin or, with ``force``, remove it for good. Raises NotFound."""
    sku = await get_sku(tx, reference, product=product)
    if not force:
        await keep_in_bin(
            tx,
            BinnedKind.SKU,
            sku.id,
            name=sku.name,
            parent_id=sku.product_id,
            deleted_by=deleted_by,
            now=now,
        )
    await delete_sku_row(tx, sku.id)


def check_sku(draft: SkuDraft) -> SkuDraft:
    """Return the draft with its values checked and trimmed; raises InvalidInput with the field."""
    price = draft.price_minor
    if price is not None and price is not UNSET:
        check_amount(price, "price")
    for name, given in (("attributes", draft.attributes), ("metadata", draft.metadata)):
        if given is not UNSET:
            check_metadata(given, name)
    return structs.replace(
        draft,
        id=check_reference(draft.id, "id"),
        source_id=check_reference(draft.source_id, "source_id"),
        name=check_name(draft.name, "sku"),
        currency=check_text(draft.currency, "currency", longest=3),
        image_url=check_text(draft.image_url, "image_url"),
    )


async def check_currency(tx: Tx, draft: SkuDraft) -> None:
    """Raise InvalidInput for a price in a currency that is not the project's."""
    if isinstance(draft.currency, str):
        own = (await get_project(tx)).currency
        if draft.currency.upper() != own:
            message = f"This project's currency is {own}, not '{draft.currency}'."
            raise InvalidInput(message, field="currency", key="invalid_sku")


def _given(draft: SkuDraft) -> GivenColumns:
    return GivenColumns(**{k: v for k, v in structs.asdict(draft).items() if k != "id"})
