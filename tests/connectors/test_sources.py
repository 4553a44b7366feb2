"""Shop systems that post: signatures, mappings, receipts, repeats, and what is wrong."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

from connectors.samples import (
    MEDUSA_ORDER,
    SALEOR_ORDER,
    SECRET,
    SHOPIFY_CUSTOMER,
    SHOPIFY_ORDER,
    SHOPIFY_REFUND,
    WOOCOMMERCE_ORDER,
    encode,
    shopify,
    signed,
    woocommerce,
)
from connectors.test_commerce import order_of
from kaquan.checkout import list_returns
from kaquan.customers import OrderStatus, find_customer
from kaquan.runtime import Database, Project

BASE = "/v1/kaquan/sources"
SHOPIFY_ID = "820982911946154508"
SIGNER = RSAKey.generate_key(2048, private=True, parameters={"kid": "k1", "use": "sig"})


async def open_source(office: httpx.AsyncClient, kind: str, **more: Any) -> dict[str, Any]:
    """Add a source with the tests' secret and return it."""
    body: dict[str, Any] = {"kind": kind, "name": kind, "secret": SECRET} | more
    answer = await office.post(BASE, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def post(web: httpx.AsyncClient, source: dict[str, Any], **sent: Any) -> str:
    """Post to a source and return what became of it."""
    answer = await web.post(source["path"], **sent)
    assert answer.status_code == 200, answer.text
    return answer.json()["status"]


async def test_a_source_from_birth_to_death(office: httpx.AsyncClient) -> None:
    made = await open_source(office, "shopify")
    assert (made["has_secret"], "secret" in made, made["active"]) == (True, False, True)
    path = f"{BASE}/{made['id']}"
    assert (await office.get(path)).json() == made
    mapping = made["mapping"] | {"topics": {"*": "order"}}
    changed = (await office.put(path, json={"active": False, "mapping": mapping})).json()
    assert (changed["active"], changed["mapping"]["topics"]) == (False, {"*": "order"})
    assert (changed["name"], changed["has_secret"]) == ("shopify", True)
    listed = (await office.get(BASE)).json()
    assert (listed["total"], [one["id"] for one in listed["data"]]) == (1, [made["id"]])
    assert (await office.delete(path)).status_code == 204
    assert (await office.get(path)).status_code == 404
    kinds = (await office.get(f"{BASE}/kinds")).json()["data"]
    assert {one["kind"] for one in kinds} == {
        *("shopify", "woocommerce", "medusa", "saleor", "custom")
    }


async def test_the_presets_are_mappings_that_may_be_sent(office: httpx.AsyncClient) -> None:
    for kind in (await office.get(f"{BASE}/kinds")).json()["data"]:
        made = await open_source(
            office, kind["kind"], mapping=kind["mapping"], signing=kind["signing"]
        )
        assert made["mapping"] == kind["mapping"]


async def test_shopify_from_order_to_refund(
    web: httpx.AsyncClient, office: httpx.AsyncClient, database: Database, project: Project
) -> None:
    source = await open_source(office, "shopify")
    assert await post(web, source, **shopify("orders/create", SHOPIFY_ORDER)) == "done"
    order = await order_of(database, project, SHOPIFY_ID)
    assert (order.status, order.placed_at.isoformat()) == (
        OrderStatus.PAID,
        "2026-01-05T03:36:03+00:00",
    )
    assert (order.amount_minor, order.discount_minor, order.shipping_minor) == (40800, 2000, 1000)
    assert [(x.source_id, x.quantity, x.amount_minor) for x in order.lines] == [
        ("788032119674292922", 1, 19900),
        ("632910392", 2, 19900),
    ]
    assert order.metadata == {"number": "#9999", "coupon": "SPRING"}
    async with database.transaction(project.project_id) as tx:
        buyer = await find_customer(tx, "115310627314723954")
    assert buyer is not None
    assert (buyer.name, buyer.email, buyer.id) == (
        "John Smith",
        "john@example.com",
        order.customer_id,
    )
    refund = shopify("refunds/create", SHOPIFY_REFUND, delivery="d-2")
    assert await post(web, source, **refund) == "done"
    assert await post(web, source, **refund) == "duplicate"
    # Told once more, with another name, by the same or a mended body: it is returned once.
    again = shopify("refunds/create", {**SHOPIFY_REFUND, "note": None}, delivery="d-3")
    assert await post(web, source, **again) == "done"
    async with database.transaction(project.project_id) as tx:
        returns = (await list_returns(tx, order=SHOPIFY_ID)).items
    assert [(one.line_quantities, one.reason) for one in returns] == [
        ((0, 1), "Broken in the mail")
    ]
    fulfilled = SHOPIFY_ORDER | {
        "fulfillment_status": "fulfilled",
        "updated_at": "2026-01-08T00:00:00Z",
    }
    assert await post(web, source, **shopify("orders/updated", fulfilled, delivery="d-4")) == "done"
    status = (await order_of(database, project, SHOPIFY_ID)).status
    assert status is OrderStatus.PARTIALLY_RETURNED


async def test_shopify_customers_and_what_nobody_asked_for(
    web: httpx.AsyncClient, office: httpx.AsyncClient, database: Database, project: Project
) -> None:
    source = await open_source(office, "shopify")
    assert await post(web, source, **shopify("customers/create", SHOPIFY_CUSTOMER)) == "done"
    older = SHOPIFY_CUSTOMER | {
        "email": "old@example.com",
        "phone": "+16135550142",
        "updated_at": "2025-01-01T00:00:00Z",
    }
    await post(web, source, **shopify("customers/update", older, delivery="d-2"))
    order = SHOPIFY_ORDER | {"customer": older, "updated_at": "2025-01-02T00:00:00Z"}
    assert await post(web, source, **shopify("orders/create", order, delivery="d-4")) == "done"
    carts = shopify("carts/update", {"id": "x"}, delivery="d-3")
    assert await post(web, source, **carts) == "ignored"
    async with database.transaction(project.project_id) as tx:
        customer = await find_customer(tx, str(SHOPIFY_CUSTOMER["id"]))
    assert customer is not None
    assert (customer.name, customer.email) == ("Bob Biller", "bob@example.com")
    assert customer.phone == "+16135550142"
    assert (await order_of(database, project, SHOPIFY_ID)).customer_id == customer.id
    assert customer.address is not None
    assert customer.address["city"] == "Ottawa"


async def test_woocommerce(
    web: httpx.AsyncClient, office: httpx.AsyncClient, database: Database, project: Project
) -> None:
    source = await open_source(office, "woocommerce")
    # It tries the address first, unsigned.
    ping = {"content": b"webhook_id=7", "headers": {"Content-Type": "text/plain"}}
    assert await post(web, source, **ping) == "ignored"
    assert await post(web, source, **woocommerce("order.created", WOOCOMMERCE_ORDER)) == "done"
    order = await order_of(database, project, "727")
    assert (order.status, order.total_minor, order.discount_minor) == (OrderStatus.PAID, 2935, 500)
    assert [line.amount_minor for line in order.lines] == [1600, 700]
    assert order.customer_id is not None
    async with database.transaction(project.project_id) as tx:
        assert await find_customer(tx, "john.doe@example.com") is not None
    refunded = WOOCOMMERCE_ORDER | {
        "refunds": [{"id": 12, "reason": "Late", "total": "-2.94"}],
        "date_modified_gmt": "2026-01-06T00:00:00",
    }
    for delivery in ("w-2", "w-3"):
        sent = woocommerce("order.updated", refunded | {"note": delivery}, delivery=delivery)
        assert await post(web, source, **sent) == "done"
    async with database.transaction(project.project_id) as tx:
        returns = (await list_returns(tx, order="727")).items
    # A tenth of what was paid is a tenth of what it cost: 2.94 * 34.35 / 29.35.
    assert [(one.gross_minor, one.reason) for one in returns] == [(344, "Late")]
    whole = refunded | {"status": "refunded", "date_modified_gmt": "2026-01-07T00:00:00"}
    await post(web, source, **woocommerce("order.updated", whole, delivery="w-4"))
    assert (await order_of(database, project, "727")).status is OrderStatus.RETURNED


async def test_medusa(
    web: httpx.AsyncClient, office: httpx.AsyncClient, database: Database, project: Project
) -> None:
    source = await open_source(office, "medusa")
    raw = encode(MEDUSA_ORDER)
    headers = {"X-Medusa-Signature": signed(raw, hexadecimal=True)}
    assert await post(web, source, content=raw, headers=headers) == "done"
    assert await post(web, source, content=raw, headers=headers) == "duplicate"
    order = await order_of(database, project, "order_01JG8")
    assert (order.status, order.amount_minor, order.total_minor) == (OrderStatus.PAID, 4000, 3850)
    returned = {
        "name": "order.return_received",
        "data": {
            "order_id": "order_01JG8",
            "return_id": "return_1",
            "items": [{"item_id": "ordli_1", "quantity": 2}],
        },
    }
    raw = encode(returned)
    headers = {"X-Medusa-Signature": signed(raw, hexadecimal=True)}
    assert await post(web, source, content=raw, headers=headers) == "done"
    async with database.transaction(project.project_id) as tx:
        returns = (await list_returns(tx, order="order_01JG8")).items
    assert [one.line_quantities for one in returns] == [(2,)]


def detached(raw: bytes, *, plain: bool = False, key: RSAKey = SIGNER) -> str:
    """A detached JWS as Saleor makes it: unencoded content, which its header says."""
    header: dict[str, Any] = {"alg": "RS256", "kid": "k1", "typ": "JWT"}
    if not plain:
        header |= {"b64": False, "crit": ["b64"]}
    start, _, end = jws.serialize_compact(header, raw, key).split(".")[-3:]
    return f"{start}..{end}"


def _attached(raw: bytes) -> str:
    return jws.serialize_compact({"alg": "RS256", "kid": "k1"}, raw, SIGNER)


def _encoded(raw: bytes) -> str:
    return detached(raw, plain=True)


def _of_another_body(raw: bytes) -> str:
    return detached(raw + b" ")


def _by_another_key(raw: bytes) -> str:
    return detached(raw, key=RSAKey.generate_key(2048))


def _by_secret(raw: bytes) -> str:
    return signed(raw, hexadecimal=True)


def _of_nothing(raw: bytes) -> str:
    return f"a..{len(raw)}"


SIGNERS: list[tuple[str, Callable[[bytes], str], int]] = [
    ("unencoded", detached, 200),
    ("encoded", _encoded, 200),
    ("content of its own", _attached, 401),
    ("another body's", _of_another_body, 401),
    ("another key", _by_another_key, 401),
    ("no JWS", _of_nothing, 401),
    ("an HMAC", _by_secret, 401),
]


@pytest.mark.parametrize(("what", "sign", "status"), SIGNERS)
async def test_saleor_signs_by_a_key_pair(
    web: httpx.AsyncClient,
    office: httpx.AsyncClient,
    *,
    what: str,
    sign: Callable[[bytes], str],
    status: int,
) -> None:
    keys = json.dumps({"keys": [SIGNER.as_dict(private=False)]})
    source = await open_source(office, "saleor", secret=None, public_keys=keys)
    raw = encode(SALEOR_ORDER)
    headers = {"Saleor-Event": "order_created", "Saleor-Signature": sign(raw)}
    answer = await web.post(source["path"], content=raw, headers=headers)
    assert answer.status_code == status, (what, answer.text)


async def test_saleor_with_a_secret_and_what_it_tells(
    web: httpx.AsyncClient, office: httpx.AsyncClient, database: Database, project: Project
) -> None:
    source = await open_source(office, "saleor")
    raw = encode(SALEOR_ORDER)
    headers = {
        "Saleor-Event": "order_created",
        "Saleor-Signature": signed(raw, hexadecimal=True),
    }
    assert await post(web, source, content=raw, headers=headers) == "done"
    order = await order_of(database, project, "T3JkZXI6MTIz")
    assert (order.status, order.amount_minor, order.discount_minor) == (OrderStatus.PAID, 5000, 500)
    assert order.lines[0].source_id == "UHJvZHVjdDox"


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("no signature", {"X-Shopify-Hmac-Sha256": ""}),
        ("another secret's", {"X-Shopify-Hmac-Sha256": signed(b"{}", secret="other")}),
        ("odd letters", {"X-Shopify-Hmac-Sha256": "\xff"}),
    ],
)
async def test_unsigned_posts_are_refused_and_counted(
    web: httpx.AsyncClient, office: httpx.AsyncClient, what: str, change: dict[str, str]
) -> None:
    source = await open_source(office, "shopify")
    sent = shopify("orders/create", SHOPIFY_ORDER)
    raw = {k.encode(): v.encode("latin-1") for k, v in {**sent["headers"], **change}.items()}
    answer = await web.post(source["path"], content=sent["content"], headers=raw)
    assert (answer.status_code, answer.json()["key"]) == (401, "bad_signature"), what
    told = (await office.get(f"{BASE}/{source['id']}")).json()
    assert (told["refused_count"], bool(told["refusal"])) == (1, True)
    assert (await office.get(f"{BASE}/{source['id']}/receipts")).json()["total"] == 0


async def test_unknown_and_disabled_sources_look_the_same(
    web: httpx.AsyncClient, office: httpx.AsyncClient
) -> None:
    source = await open_source(office, "shopify", active=False)
    sent = shopify("orders/create", SHOPIFY_ORDER)
    for path in (source["path"], "/in/src_none", "/in/a%00b", "/in/" + "a" * 3000):
        answer = await web.post(path, **sent)
        assert (answer.status_code, answer.json()["key"]) == (404, "not_found"), path


async def test_a_mended_mapping_mends_what_failed(
    web: httpx.AsyncClient, office: httpx.AsyncClient, database: Database, project: Project
) -> None:
    source = await open_source(office, "shopify")
    odd = json.loads(encode(SHOPIFY_ORDER))
    odd["line_items"][1] |= {"price": None, "unit_cost": "99.50"}
    assert await post(web, source, **shopify("orders/create", odd)) == "failed"
    (failed,) = (
        await office.get(f"{BASE}/{source['id']}/receipts", params={"status": "failed"})
    ).json()["data"]
    assert (failed["error"]["key"], failed["error"]["field"]) == (
        "invalid_payload",
        "items[1].price",
    )
    detail = (await office.get(f"/v1/kaquan/receipts/{failed['id']}")).json()
    assert json.loads(detail["body"]) == odd
    mapping = source["mapping"]
    mapping["order"]["lines"]["fields"]["price"] = {"path": ["price", "unit_cost"]}
    await office.put(f"{BASE}/{source['id']}", json={"mapping": mapping})
    path = f"/v1/kaquan/receipts/{failed['id']}/retry"
    mended = (await office.post(path)).json()
    assert (mended["status"], mended["error"], mended["attempts"]) == ("done", None, 2)
    order = await order_of(database, project, SHOPIFY_ID)
    assert (mended["order_id"], mended["customer_id"]) == (order.id, order.customer_id)
    # A failed delivery that the shop sends again is tried again, one that went well is not.
    assert await post(web, source, **shopify("orders/create", odd)) == "duplicate"


@pytest.mark.parametrize(
    ("what", "change", "key", "field"),
    [
        ("no id", {"id": None}, "missing_value", "id"),
        ("no amount", {"total_price": "free"}, "invalid_payload", "total_price"),
        ("a currency of others", {"currency": "EUR"}, "invalid_currency", "currency"),
        (
            "no time",
            {"processed_at": "yesterday"},
            "invalid_payload",
            "processed_at",
        ),
        ("no list", {"line_items": {"a": 1}}, "invalid_payload", "line_items"),
        (
            "half a piece",
            {"line_items": [{"id": 1, "product_id": 2, "quantity": 0.5, "price": 1}]},
            "invalid_payload",
            "line_items[0].quantity",
        ),
        (
            "no address",
            {"customer": {"id": 5, "email": "nobody"}},
            "invalid_payload",
            "email",
        ),
        ("an enormous amount", {"total_price": "1e400"}, "invalid_payload", "total_price"),
    ],
)
async def test_a_receipt_says_what_was_wrong_and_where(
    web: httpx.AsyncClient,
    office: httpx.AsyncClient,
    *,
    what: str,
    change: dict[str, Any],
    key: str,
    field: str,
) -> None:
    source = await open_source(office, "shopify")
    sent = shopify("orders/create", SHOPIFY_ORDER | change)
    assert await post(web, source, **sent) == "failed", what
    (receipt,) = (await office.get("/v1/kaquan/receipts")).json()["data"]
    assert (receipt["error"]["key"], receipt["error"]["field"]) == (key, field), receipt
    assert (receipt["order_id"], receipt["topic"]) == (None, "orders/create")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 5000, b"null"])
async def test_bodies_that_are_no_objects_are_kept(
    web: httpx.AsyncClient, office: httpx.AsyncClient, raw: bytes
) -> None:
    source = await open_source(office, "shopify")
    assert await post(web, source, **shopify("orders/create", raw)) == "failed"
    (receipt,) = (await office.get("/v1/kaquan/receipts")).json()["data"]
    detail = (await office.get(f"/v1/kaquan/receipts/{receipt['id']}")).json()
    assert detail["byte_count"] == len(raw)


async def test_a_delivery_that_comes_twice_at_once_is_carried_out_once(
    web: httpx.AsyncClient, office: httpx.AsyncClient, database: Database, project: Project
) -> None:
    source = await open_source(office, "shopify")
    await post(web, source, **shopify("orders/create", SHOPIFY_ORDER))
    refund = shopify("refunds/create", SHOPIFY_REFUND, delivery="d-2")
    statuses = await asyncio.gather(*(post(web, source, **refund) for _ in range(6)))
    assert sorted(statuses) == ["done", *["duplicate"] * 5]
    async with database.transaction(project.project_id) as tx:
        assert (await list_returns(tx, order=SHOPIFY_ID)).total == 1


async def test_refunds_of_a_kind_that_come_at_once_under_other_names(
    web: httpx.AsyncClient, office: httpx.AsyncClient, database: Database, project: Project
) -> None:
    source = await open_source(office, "shopify")
    await post(web, source, **shopify("orders/create", SHOPIFY_ORDER))
    sent = [
        shopify("refunds/create", SHOPIFY_REFUND | {"note": str(n)}, delivery=f"r-{n}")
        for n in range(6)
    ]
    statuses = await asyncio.gather(*(post(web, source, **one) for one in sent))
    assert statuses == ["done"] * 6
    async with database.transaction(project.project_id) as tx:
        assert (await list_returns(tx, order=SHOPIFY_ID)).total == 1


@pytest.mark.parametrize(
    ("what", "raw"),
    [
        ("in the topic", b'{"name": "order.\\u0000placed", "data": {"id": "x"}}'),
        ("in the id", b'{"name": "order.placed", "data": {"id": "x\\u0000", "total": 1}}'),
        (
            "in the address",
            b'{"name": "customer.created", "data": {"id": "x", "email": "a\\u0000b"}}',
        ),
    ],
)
async def test_what_cannot_be_stored_is_kept_as_it_came(
    web: httpx.AsyncClient, office: httpx.AsyncClient, what: str, raw: bytes
) -> None:
    source = await open_source(office, "medusa")
    headers = {"X-Medusa-Signature": signed(raw, hexadecimal=True)}
    assert await post(web, source, content=raw, headers=headers) in ("failed", "ignored"), what
    (receipt,) = (await office.get("/v1/kaquan/receipts")).json()["data"]
    detail = (await office.get(f"/v1/kaquan/receipts/{receipt['id']}")).json()
    assert detail["body"] == raw.decode()


async def test_an_erased_buyer_is_erased_from_what_was_sent(
    web: httpx.AsyncClient, office: httpx.AsyncClient
) -> None:
    source = await open_source(office, "shopify")
    await post(web, source, **shopify("orders/create", SHOPIFY_ORDER))
    (receipt,) = (await office.get("/v1/kaquan/receipts")).json()["data"]
    path = f"/v1/kaquan/receipts/{receipt['id']}"
    assert "john@example.com" in (await office.get(path)).json()["body"]
    gone = await office.post("/v1/customers/115310627314723954/permanent-deletion")
    assert gone.status_code == 200
    left = (await office.get(path)).json()
    assert (left["body"], left["status"]) == ("", "done")


async def test_a_signed_body_cannot_be_played_again_under_another_name(
    web: httpx.AsyncClient, office: httpx.AsyncClient
) -> None:
    source = await open_source(office, "shopify")
    statuses = [
        await post(web, source, **shopify("orders/create", SHOPIFY_ORDER, delivery=f"d-{n}"))
        for n in range(3)
    ]
    assert statuses == ["done", "duplicate", "duplicate"]


@pytest.mark.parametrize(
    ("what", "body", "field"),
    [
        ("no kind", {"name": "x"}, "kind"),
        ("an unknown kind", {"kind": "magento", "name": "x"}, "kind"),
        ("no name", {"kind": "custom"}, "name"),
        ("a short secret", {"kind": "custom", "name": "x", "secret": "short"}, "secret"),
        (
            "no keys",
            {"kind": "saleor", "name": "x", "public_keys": "-----BEGIN"},
            "public_keys",
        ),
        (
            "a private key",
            {
                "kind": "saleor",
                "name": "x",
                "public_keys": json.dumps({"keys": [SIGNER.as_dict(private=True)]}),
            },
            "public_keys",
        ),
        (
            "an odd header",
            {"kind": "custom", "name": "x", "signing": {"header": "a b", "topic_path": "t"}},
            "signing.header",
        ),
        (
            "no topic",
            {"kind": "custom", "name": "x", "signing": {"header": "a"}},
            "signing.topic_header",
        ),
        (
            "a target too few",
            {"kind": "custom", "name": "x", "mapping": {"topics": {"*": "order"}}},
            "mapping.order.source_id",
        ),
        (
            "an unknown target",
            {"kind": "custom", "name": "x", "mapping": {"topics": {}, "order": {"colour": "a"}}},
            "mapping.order.colour",
        ),
        (
            "no path",
            {"kind": "custom", "name": "x", "mapping": {"topics": {}, "order": {"total": "a b"}}},
            "mapping.order.total",
        ),
        (
            "an unknown rule",
            {
                "kind": "custom",
                "name": "x",
                "mapping": {"topics": {}, "order": {"total": {"path": "a", "colour": 1}}},
            },
            "mapping.order.total.colour",
        ),
        (
            "lines of nothing",
            {"kind": "custom", "name": "x", "mapping": {"topics": {}, "order": {"lines": "a"}}},
            "mapping.order.lines",
        ),
        *(
            (
                f"{inner} of {outer} as a path",
                {
                    "kind": "custom",
                    "name": "x",
                    "mapping": {
                        "topics": {},
                        "order": {outer: {"each": "a", "fields": {inner: "b"}}},
                    },
                },
                f"mapping.order.{outer}.fields.{inner}",
            )
            for outer, inner in (
                ("refunds", "goods"),
                ("lines", "metadata"),
                ("lines", "address"),
                ("customer", "metadata"),
            )
        ),
    ],
)
async def test_what_is_wrong_with_a_source(
    office: httpx.AsyncClient, *, what: str, body: dict[str, Any], field: str
) -> None:
    answer = await office.post(BASE, json=body)
    assert answer.status_code == 400, (what, answer.text)
    assert answer.json().get("field") == field, (what, answer.json())


async def test_receipts_are_listed_by_page_and_filter(
    web: httpx.AsyncClient, office: httpx.AsyncClient
) -> None:
    source = await open_source(office, "shopify")
    for number in range(5):
        body = SHOPIFY_CUSTOMER | {"id": number, "email": None if number % 2 else "no"}
        await post(web, source, **shopify("customers/create", body, delivery=f"d-{number}"))

    async def names(**query: Any) -> list[str]:
        answer = await office.get(f"{BASE}/{source['id']}/receipts", params=query)
        return [one["delivery"] for one in answer.json()["data"]]

    assert await names() == ["d-4", "d-3", "d-2", "d-1", "d-0"]
    assert await names(order="received_at", limit=2, page=2) == ["d-2", "d-3"]
    assert await names(status="done", order="received_at") == ["d-1", "d-3"]
    assert await names(status="failed", topic="orders/create") == []
    wrong = await office.get(f"{BASE}/{source['id']}/receipts", params={"order": "colour"})
    assert (wrong.status_code, wrong.json()["field"]) == (400, "order")
    assert (await office.get(f"{BASE}/src_none/receipts")).status_code == 404
    assert (await office.get("/v1/kaquan/receipts/rcp_none")).status_code == 404
    assert (await office.post("/v1/kaquan/receipts/rcp_none/retry")).status_code == 404
