"""From lines as they are sent to lines as they are stored: products found, prices filled in."""

from collections.abc import Mapping, Sequence

from msgspec import structs

from kaquan.customers.checks import check_amount, check_quantity
from kaquan.customers.model import OrderLine, OrderLineDraft, Product, Sku
from kaquan.customers.store.catalogue import list_products_named
from kaquan.customers.store.skus import list_skus_named
from kaquan.runtime import InvalidInput, Tx, check_metadata, check_reference, words

MOST_LINES = 10_000


async def price_lines(
    tx: Tx, drafts: Sequence[OrderLineDraft], *, field: str = "items"
) -> tuple[OrderLine, ...]:
    """Return the lines with their products and amounts in minor units.

    A stated amount decides over quantity times price; without either the catalogue's price is
    taken. Raises InvalidInput with the path below ``field``, such as ``items[2].quantity``.
    """
    references = list_references(drafts, field=field)
    wanted = list_sku_references(drafts)
    skus = await list_skus_named(tx, wanted) if wanted else []
    references = sorted({*references, *(sku.product_id for sku in skus)})
    products = await list_products_named(tx, references) if references else []
    return price_with(products, drafts, skus=skus, field=field)


def list_references(drafts: Sequence[OrderLineDraft], *, field: str = "items") -> list[str]:
    """Return the ids, ours or the merchant's, of all products that the lines may mean.

    Raises InvalidInput for lines that can be no order's whatever the catalogue says.
    """
    if len(drafts) > MOST_LINES:
        message = words("An order has at most %(most)s lines.", most=MOST_LINES)
        raise InvalidInput(message, field=field)
    references: set[str] = set()
    for index, draft in enumerate(drafts):
        _check_line(draft, f"{field}[{index}]")
        references |= {r for r in (draft.product_id, draft.source_id) if r is not None}
    return sorted(references)


def list_sku_references(drafts: Sequence[OrderLineDraft]) -> list[str]:
    """Return the ids, ours or the merchant's, of the variants that the lines name."""
    named = (draft.details.get("sku_id") for draft in drafts)
    return sorted({one for one in named if isinstance(one, str)})


def price_with(
    products: Sequence[Product],
    drafts: Sequence[OrderLineDraft],
    *,
    skus: Sequence[Sku] = (),
    field: str = "items",
) -> tuple[OrderLine, ...]:
    """Return what ``price_lines`` does, from the products and variants that the lines name.

    A variant stands for its product; its price comes before the product's.
    """
    known = {product.source_id: product for product in products}
    known |= {product.id: product for product in products}
    variants = {sku.source_id: sku for sku in skus} | {sku.id: sku for sku in skus}
    lines: list[OrderLine] = []
    for index, draft in enumerate(drafts):
        path = f"{field}[{index}]"
        sku = variants.get(draft.details.get("sku_id"))
        if sku is None:
            lines.append(_price(draft, _product_of(draft, path, known=known), path))
        else:
            lines.append(_price_sku(draft, sku, path, known=known))
    return tuple(lines)


def _price_sku(
    draft: OrderLineDraft, sku: Sku, path: str, *, known: Mapping[str | None, Product]
) -> OrderLine:
    product = known.get(sku.product_id)
    if product is not None and sku.price_minor is not None:
        product = structs.replace(product, price_minor=sku.price_minor)
    named = structs.replace(
        draft,
        product_id=sku.product_id,
        source_id=draft.source_id or sku.source_id,
        details={**draft.details, "sku_id": sku.id},
    )
    return _price(named, product, path)


def _check_line(draft: OrderLineDraft, path: str) -> None:
    check_reference(draft.product_id, f"{path}.product_id")
    check_reference(draft.source_id, f"{path}.source_id")
    check_quantity(draft.quantity, f"{path}.quantity")
    if draft.unit_price_minor is not None:
        check_amount(draft.unit_price_minor, f"{path}.price")
    if draft.amount_minor is not None:
        check_amount(draft.amount_minor, f"{path}.amount")
    check_amount(draft.discount_minor, f"{path}.discount_amount")
    check_metadata(draft.details, path)


def _product_of(
    draft: OrderLineDraft, path: str, *, known: Mapping[str | None, Product]
) -> Product | None:
    if draft.product_id is not None:
        product = known.get(draft.product_id)
        if product is None:
            message = words("There is no product '%(said)s'.", said=draft.product_id)
            raise InvalidInput(message, field=f"{path}.product_id")
        return product
    product = None if draft.source_id is None else known.get(draft.source_id)
    return product if product is not None and product.source_id == draft.source_id else None


def _price(draft: OrderLineDraft, product: Product | None, path: str) -> OrderLine:
    unit_price, amount = draft.unit_price_minor, draft.amount_minor
    if unit_price is None and amount is None:
        unit_price = None if product is None else product.price_minor
    if amount is None:
        if unit_price is None:
            message = "This line has no price, and the catalogue knows none for it."
            raise InvalidInput(message, field=f"{path}.price")
        amount = check_amount(draft.quantity * unit_price, f"{path}.amount")
    if draft.discount_minor > amount:
        message = "A line's discount cannot be more than its amount."
        raise InvalidInput(message, field=f"{path}.discount_amount")
    source_id = draft.source_id
    if source_id is None and product is not None:
        source_id = product.source_id
    return OrderLine(
        product_id=None if product is None else product.id,
        source_id=source_id,
        quantity=draft.quantity,
        unit_price_minor=amount // draft.quantity if unit_price is None else unit_price,
        amount_minor=amount,
        discount_minor=draft.discount_minor,
        details=draft.details,
    )
