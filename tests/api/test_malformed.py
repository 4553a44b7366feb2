"""Requests that are wrong: each gets a status, a stable key, and the path of what was wrong."""

import codecs
from typing import NamedTuple

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

Client = AsyncTestClient[Litestar]

TOO_LARGE = 2**53
VOUCHER = '"type":"DISCOUNT_VOUCHER","discount":{"type":"AMOUNT","amount_off":100}'


class Wrong(NamedTuple):
    """A request, and what it is answered."""

    what: str
    method: str
    path: str
    body: str | bytes | None
    status: int
    key: str
    field: str | None = None


WRONG = [
    Wrong("no body", "POST", "/customers", None, 400, "invalid_payload"),
    Wrong("no JSON", "POST", "/customers", "{", 400, "invalid_payload"),
    Wrong("no object", "POST", "/customers", "[]", 400, "invalid_payload"),
    Wrong("null", "POST", "/customers", "null", 400, "invalid_payload"),
    Wrong("not UTF-8", "POST", "/customers", b'{"name":"\xff"}', 400, "invalid_payload"),
    Wrong("half a character", "POST", "/customers", r'{"name":"\ud800"}', 400, "invalid_payload"),
    Wrong("too deep", "POST", "/customers", '{"metadata":' * 40, 400, "invalid_payload"),
    Wrong("NUL", "POST", "/customers", r'{"name":"a\u0000"}', 400, "invalid_payload", "name"),
    Wrong(
        "NUL far inside",
        "POST",
        "/customers",
        r'{"metadata":{"a":[{"b":"\u0000"}]}}',
        400,
        "invalid_payload",
        "metadata.a[0].b",
    ),
    Wrong("wrong type", "POST", "/customers", '{"name":5}', 400, "invalid_payload", "name"),
    Wrong(
        "broken date",
        "POST",
        "/customers",
        '{"birthdate":"1990-02-30"}',
        400,
        "invalid_payload",
        "birthdate",
    ),
    Wrong(
        "no e-mail address",
        "POST",
        "/customers",
        '{"email":"nobody"}',
        400,
        "invalid_payload",
        "email",
    ),
    Wrong("unknown id", "POST", "/customers", '{"id":"cust_x"}', 404, "not_found"),
    Wrong("unknown customer", "GET", "/customers/cust_x", None, 404, "not_found"),
    Wrong("NUL in the path", "GET", "/customers/a%00b", None, 400, "invalid_query_params"),
    Wrong("NUL in the query", "GET", "/customers?name=%00", None, 400, "invalid_query_params"),
    Wrong("limit 0", "GET", "/customers?limit=0", None, 400, "invalid_query_params", "limit"),
    Wrong("limit 101", "GET", "/customers?limit=101", None, 400, "invalid_query_params", "limit"),
    Wrong("limit x", "GET", "/customers?limit=x", None, 400, "invalid_query_params", "limit"),
    Wrong("page 0", "GET", "/customers?page=0", None, 400, "invalid_query_params", "page"),
    Wrong(
        "page enormous",
        "GET",
        "/customers?page=99999999999999999999999",
        None,
        400,
        "invalid_query_params",
        "page",
    ),
    Wrong(
        "unknown order", "GET", "/customers?order=shoe", None, 400, "invalid_query_params", "order"
    ),
    Wrong("negative", "POST", "/products", '{"price":-1}', 400, "invalid_payload", "price"),
    Wrong(
        "too large",
        "POST",
        "/products",
        f'{{"price":{TOO_LARGE}}}',
        400,
        "invalid_payload",
        "price",
    ),
    Wrong("no number", "POST", "/products", '{"price":1e400}', 400, "invalid_payload", "price"),
    Wrong("a fraction", "POST", "/products", '{"price":1.5}', 400, "invalid_payload", "price"),
    Wrong(
        "quantity 0",
        "POST",
        "/orders",
        '{"items":[{"quantity":0,"price":1}]}',
        400,
        "invalid_payload",
        "items[0].quantity",
    ),
    Wrong(
        "more than can be counted",
        "POST",
        "/orders",
        '{"items":[{"quantity":9007199254740991,"price":9007199254740991,"source_id":"a"}]}',
        400,
        "invalid_payload",
        "items[0].amount",
    ),
    Wrong(
        "unknown product",
        "POST",
        "/orders",
        '{"items":[{"product_id":"prod_x","price":1}]}',
        400,
        "invalid_payload",
        "items[0].product_id",
    ),
    Wrong(
        "no such status",
        "POST",
        "/orders",
        '{"amount":1,"status":"EATEN"}',
        400,
        "invalid_payload",
        "status",
    ),
    Wrong(
        "another currency",
        "POST",
        "/orders",
        '{"amount":1,"kaquan":{"currency":"XXX"}}',
        400,
        "invalid_currency",
        "currency",
    ),
    Wrong(
        "no name",
        "POST",
        "/campaigns",
        f'{{"voucher":{{{VOUCHER}}}}}',
        400,
        "invalid_campaign_params",
        "name",
    ),
    Wrong(
        "no discount",
        "POST",
        "/campaigns",
        '{"name":"a"}',
        400,
        "invalid_campaign_params",
        "voucher.discount",
    ),
    Wrong(
        "no such type",
        "POST",
        "/campaigns",
        '{"name":"a","campaign_type":"LOTTERY"}',
        400,
        "invalid_payload",
        "campaign_type",
    ),
    Wrong(
        "a conversion for later",
        "POST",
        "/campaigns",
        '{"name":"a","campaign_type":"REFERRAL_PROGRAM",'
        '"voucher":{"discount":{"type":"AMOUNT","amount_off":1}},'
        '"referral_program":{"conversion_event_type":"custom_event"}}',
        501,
        "not_supported",
        "referral_program.conversion_event_type",
    ),
    Wrong(
        "rules that there are none of",
        "POST",
        "/campaigns",
        f'{{"name":"a","voucher":{{{VOUCHER}}},"validation_rules":["val_1"]}}',
        404,
        "not_found",
        None,
    ),
    Wrong(
        "an offer that is none",
        "POST",
        "/campaigns",
        '{"name":"a","kaquan":{"offer":{"effect":{"code":"magic"}}}}',
        400,
        "invalid_offer",
        "kaquan.offer.effect.code",
    ),
    Wrong(
        "two offers",
        "POST",
        "/campaigns",
        f'{{"name":"a","voucher":{{{VOUCHER}}},"kaquan":{{"offer":{{}}}}}}',
        400,
        "invalid_payload",
        "kaquan.offer",
    ),
    Wrong(
        "ends before it starts",
        "POST",
        "/campaigns",
        f'{{"name":"a","voucher":{{{VOUCHER}}},"start_date":"2026-02-01",'
        '"expiration_date":"2026-01-01"}',
        400,
        "invalid_payload",
        "expiration_date",
    ),
    Wrong(
        "no date",
        "POST",
        "/campaigns",
        f'{{"name":"a","voucher":{{{VOUCHER}}},"start_date":"soon"}}',
        400,
        "invalid_payload",
        "start_date",
    ),
    Wrong(
        "too few codes",
        "POST",
        "/campaigns",
        '{"name":"a","vouchers_count":1000,"voucher":{"discount":{"type":"AMOUNT",'
        '"amount_off":1},"code_config":{"length":2}}}',
        400,
        "code_space_too_small",
        "code_config.length",
    ),
    Wrong(
        "111 %",
        "POST",
        "/vouchers/A",
        '{"type":"DISCOUNT_VOUCHER","discount":{"type":"PERCENT","percent_off":111}}',
        400,
        "invalid_payload",
        "discount.percent_off",
    ),
    Wrong(
        "nothing off",
        "POST",
        "/vouchers/A",
        '{"type":"DISCOUNT_VOUCHER","discount":{"type":"AMOUNT"}}',
        400,
        "invalid_payload",
        "discount.amount_off",
    ),
    Wrong("no offer", "POST", "/vouchers/A", "{}", 400, "invalid_voucher", "discount"),
    Wrong(
        "card of points",
        "POST",
        "/vouchers/A",
        '{"type":"LOYALTY_CARD"}',
        501,
        "not_supported",
        "type",
    ),
    Wrong("unknown voucher", "GET", "/vouchers/nobody", None, 404, "not_found"),
    Wrong("unknown voucher on", "POST", "/vouchers/nobody/enable", None, 404, "not_found"),
    Wrong(
        "nobody to publish to",
        "POST",
        "/publications",
        '{"voucher":"A"}',
        400,
        "missing_customer",
        "customer",
    ),
    Wrong(
        "campaign and code",
        "POST",
        "/publications",
        '{"voucher":"A","campaign":{"name":"x"},"customer":{"source_id":"a"}}',
        404,
        "not_found",
    ),
    Wrong(
        "broken JSON in the query",
        "GET",
        "/publications/create?customer=%7B&voucher=A",
        None,
        400,
        "invalid_query_params",
    ),
    Wrong(
        "nothing to redeem",
        "POST",
        "/redemptions",
        '{"order":{"amount":1}}',
        400,
        "missing_redeemables",
        "redeemables",
    ),
    Wrong(
        "31 redeemables",
        "POST",
        "/validations",
        '{"order":{"amount":1},"redeemables":['
        + ",".join(f'{{"object":"voucher","id":"c{n}"}}' for n in range(31))
        + "]}",
        400,
        "too_many_redeemables",
        "redeemables",
    ),
    Wrong(
        "the same twice",
        "POST",
        "/validations",
        '{"order":{"amount":1},"redeemables":[{"object":"voucher","id":"c"},'
        '{"object":"voucher","id":"c"}]}',
        400,
        "duplicate_redeemables",
        "redeemables[1].id",
    ),
    Wrong(
        "a redeemable without id",
        "POST",
        "/validations",
        '{"redeemables":[{"object":"voucher"}]}',
        400,
        "invalid_payload",
        "redeemables[0].id",
    ),
    Wrong(
        "unknown code",
        "POST",
        "/redemptions",
        '{"order":{"amount":1},"redeemables":[{"object":"voucher","id":"nobody"}]}',
        404,
        "not_found",
    ),
    Wrong(
        "a lock that is none",
        "POST",
        "/validations",
        '{"session":{"type":"UNLOCK"},"redeemables":[]}',
        400,
        "invalid_payload",
        "session.type",
    ),
    Wrong("unknown redemption", "POST", "/redemptions/r_x/rollback", None, 404, "not_found"),
    Wrong("unknown report", "GET", "/reports/campaigns/x", None, 404, "not_found"),
    Wrong("unknown action", "GET", "/async-actions/x", None, 404, "not_found"),
    Wrong("unknown location", "GET", "/locations/x", None, 404, "not_found"),
    Wrong(
        "a rule that is none",
        "POST",
        "/segments",
        '{"name":"a","kaquan":{"definition":{"attribute":"shoe","operator":"is","value":1}}}',
        400,
        "invalid_payload",
        "kaquan.definition.attribute",
    ),
    Wrong("no such route", "GET", "/shoes", None, 404, "not_found"),
    Wrong("no such method", "DELETE", "/validations", None, 405, "method_not_allowed"),
    Wrong(
        "too much", "POST", "/customers", b'{"name":"' + b"x" * 1_000_001, 413, "query_too_large"
    ),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.what)
async def test_wrong_requests(api: Client, wrong: Wrong) -> None:
    answer = await api.request(wrong.method, "/v1" + wrong.path, content=wrong.body)
    told = answer.json()
    assert (answer.status_code, told["key"], told.get("field")) == (
        wrong.status,
        wrong.key,
        wrong.field,
    ), answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert told["status"] == told["code"] == wrong.status
    assert told["detail"] == told["details"] != ""
    assert told["request_id"] == answer.headers["x-request-id"]


async def test_nothing_is_left_behind(api: Client) -> None:
    """A body that fails in its last part has changed nothing."""
    body = {
        "customer": {"source_id": "half"},
        "items": [
            {"product": {"source_id": "half", "override": True, "price": 1}},
            {"product_id": "prod_x", "price": 1},
        ],
    }
    assert (await api.post("/v1/orders", json=body)).status_code == 400
    assert (await api.get("/v1/customers/half")).status_code == 404
    assert (await api.get("/v1/products/half")).status_code == 404


async def test_duplicates(api: Client) -> None:
    campaign = {"name": "once", "voucher": {"discount": {"type": "AMOUNT", "amount_off": 1}}}
    voucher = {"discount": {"type": "AMOUNT", "amount_off": 1}}
    for path, body in (("/v1/campaigns", campaign), ("/v1/vouchers/ONCE", voucher)):
        assert (await api.post(path, json=body)).status_code == 200
        again = await api.post(path, json=body)
        assert (again.status_code, again.json()["key"]) == (409, "duplicate_found")


async def test_unknown_members_are_ignored(api: Client) -> None:
    made = await api.post("/v1/customers", json={"source_id": "a", "shoe_size": 42})
    assert made.status_code == 200
    assert "shoe_size" not in made.json()


DEEP = 100_000


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[" * DEEP, "nested"),
        (b'{"metadata":' * 80_000, "nested"),
        (b'{"metadata":' + b"[" * DEEP + b"]" * DEEP + b"}", "nested"),
        (b'{"source_id":"' + b"[" * DEEP + b'"', "255"),
        (b"{'name': 'a'}", "JSON"),
        ('{"name": "张三"}'.encode("gbk"), "JSON"),
        ('{"name": "a"}'.encode("utf-16"), "JSON"),
        ('\ufeff{"name": "a"}'.encode(), "JSON"),
        (rb'{"name": "\udfff"}', "JSON"),
        (rb'{"name": "\ud83d\ud83d"}', "JSON"),
        (rb'{"metadata": {"\u0000": 1}}', "NUL"),
        (b'{"name": NaN}', "JSON"),
        (b'{"name": "a"} {}', "JSON"),
        (b'{"a": 1,}', "JSON"),
    ],
)
async def test_bytes_that_are_no_body(api: Client, content: bytes, told: str) -> None:
    for path in ("/v1/customers", "/v1/redemptions", "/v1/vouchers/bulk/async"):
        answer = await api.post(path, content=content)
        problem = answer.json()
        assert (answer.status_code, problem["key"]) == (400, "invalid_payload"), answer.text
        assert told in problem["detail"] or path != "/v1/customers"
        assert len(answer.content) < 2_000


async def test_what_is_too_large_says_so(api: Client) -> None:
    for path, size in (("/v1/customers", 1_000_001), ("/v1/vouchers/bulk/async", 10_485_761)):
        answer = await api.post(path, content=b" " * size)
        assert (answer.status_code, answer.json()["key"]) == (413, "query_too_large")


@pytest.mark.parametrize(
    ("what", "content", "status", "told"),
    [
        ("nothing", b"", 400, "empty"),
        ("blanks", b" \r\n ", 400, "empty"),
        ("a byte-order mark", codecs.BOM_UTF8 + b"source_id,name\na,b\n", 202, ""),
        ("semicolons", b"Source_id;Name\na;b\n", 202, ""),
        ("tabs", b"source_id\tname\na\tb\n", 202, ""),
        ("Windows and Chinese", "source_id,name\r\na,张三\r\n".encode("gbk"), 202, ""),
        ("UTF-16", "source_id,name\na,张三\n".encode("utf-16"), 202, ""),
        ("the same column twice", b"source_id,name,name\na,b,c\n", 400, "twice"),
        ("no text", bytes(range(1, 256)) * 10, 400, ""),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_files(api: Client, what: str, content: bytes, status: int, told: str) -> None:
    answer = await api.post("/v1/customers/importCSV", files={"file": ("a.csv", content)})
    assert answer.status_code == status, f"{what}: {answer.text}"
    problem = answer.json()
    if status == 400:
        assert (problem["key"], problem["field"]) == ("invalid_payload", "file"), problem
        assert told in problem["detail"]
    else:
        assert problem["async_action_id"].startswith("aa_")


async def test_files_name_the_columns_that_they_lack(api: Client) -> None:
    files = {"file": ("a.csv", b"source_id,sku\na,b\n")}
    answer = await api.post("/v1/skus/importCSV", files=files)
    problem = answer.json()
    assert (answer.status_code, problem["field"]) == (400, "file")
    assert "product_id" in problem["detail"]


@pytest.mark.parametrize("path", ["customers", "products", "skus", "vouchers"])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "multipart/form-data"),
        (b"--x", "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x"),
        (b"source_id\na\n", "text/csv"),
        (b"{}", "application/json"),
    ],
)
async def test_uploads_that_are_none(api: Client, path: str, content: bytes, kind: str) -> None:
    answer = await api.post(
        f"/v1/{path}/importCSV", content=content, headers={"Content-Type": kind}
    )
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_payload"), answer.text
