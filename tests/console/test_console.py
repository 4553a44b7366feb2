"""The console's pages on a real database: what they show, in both languages, and what they refuse."""

import re
from typing import Any

import pytest

from console.shop import Shop
from console.site import Browser, enter
from kaquan.console import docs_script, load_assets, missing_assets
from kaquan.runtime import Database
from kaquan.trust import Role

LISTS: list[tuple[str, str]] = [
    ("customers", "/console/customers"),
    ("segments", "/console/segments"),
    ("campaigns", "/console/campaigns"),
    ("vouchers", "/console/campaigns/{shop.campaign.id}/vouchers"),
    ("its redemptions", "/console/campaigns/{shop.campaign.id}/redemptions"),
    ("redemptions", "/console/redemptions"),
    ("outbox", "/console/outbox"),
]
SINGLES: list[tuple[str, str]] = [
    ("customer", "/console/customers/{shop.regular.id}"),
    ("timeline", "/console/customers/{shop.regular.id}/timeline"),
    ("segment", "/console/segments/{shop.segment.id}"),
    ("campaign", "/console/campaigns/{shop.campaign.id}"),
    ("its vouchers", "/console/campaigns/{shop.campaign.id}/vouchers"),
    ("its redemptions", "/console/campaigns/{shop.campaign.id}/redemptions"),
    ("order", "/console/orders/{shop.order.id}"),
    ("message", "/console/outbox/{shop.message.id}"),
    ("letter", "/console/outbox/{shop.message.id}/letter"),
]
EACH_LIST = pytest.mark.parametrize(
    "where", [pytest.param(where, id=name) for name, where in LISTS]
)
EACH_SINGLE = pytest.mark.parametrize(
    "where", [pytest.param(where, id=name) for name, where in SINGLES]
)


async def read(browser: Browser, path: str, *, language: str = "en") -> str:
    """The page at an address; it must be there."""
    answer = await browser.get(path, headers={"accept-language": language})
    assert answer.status_code == 200, path
    return answer.text


def words_of(html: str) -> str:
    """The text of a page's content, without tags, in one line."""
    content = html[html.index("<main") : html.index("</main>")]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", content))


def missing(words: list[str], html: str) -> list[str]:
    """Those words that a page does not show."""
    text = words_of(html)
    return [word for word in words if word not in text]


@pytest.mark.parametrize(
    ("where", "english", "chinese"),
    [
        pytest.param(
            "/console",
            ["Home", "Last 7 days:", "Customers", "¥3,140", "Revenue by week", "Live campaigns"],
            ["总览", "近 7 天", "客户", "¥3,140", "每周销售额", "进行中的活动"],
            id="home",
        ),
        pytest.param(
            "/console/customers",
            ["林晓 🧧 Lin Xiao", "C-1@shop.example", "¥3,140", "2 entries", "C-2"],
            ["林晓 🧧 Lin Xiao", "C-1@shop.example", "¥3,140", "共 2 条"],
            id="customers",
        ),
        pytest.param(
            "/console/customers/{shop.regular.id}",
            [
                "orders for ¥3,140",
                "RFM group",
                "Buyers 买家",
                "Agreed offers by E-mail",
                "Redeemed: ¥10.00 off",
                "Redemption refused",
                "¥23.50 more to go for the discount",
                "Redemption undone",
                "Show older",
                "Wallet page",
                "Used",
            ],
            [
                "消费 ¥3,140",
                "RFM 分群",
                "已同意 邮箱接收优惠信息",
                "核销，优惠 ¥10.00",
                "还差 ¥23.50 可享满减",
                "已撤销核销",
                "查看更早的记录",
                "已使用",
            ],
            id="customer",
        ),
        pytest.param(
            "/console/customers/{shop.newcomer.id}",
            ["Has not bought yet.", "Holds no voucher.", "In no segment.", "Nothing has happened"],
            ["还没有下过单。", "没有券。", "不在任何客群中。", "还没有记录"],
            id="customer without a past",
        ),
        pytest.param(
            "/console/segments",
            ["Buyers 买家", "Follows its rule", "1 entry"],
            ["Buyers 买家", "随规则更新", "共 1 条"],
            id="segments",
        ),
        pytest.param(
            "/console/segments/{shop.segment.id}",
            ["1 customer matches now.", "Number of orders at least 1", "林晓 🧧 Lin Xiao"],
            ["目前有 1 位客户符合。", "满足以下任意一项：", "订单数不低于 1"],
            id="segment",
        ),
        pytest.param(
            "/console/campaigns",
            ["春节🎊 满减 for those who &lt;b&gt;stay", "Live", "Switched off", "100.0%", "–"],
            ["春节🎊 满减", "进行中", "已停用", "100.0%"],
            id="campaigns",
        ),
        pytest.param(
            "/console/campaigns/{shop.campaign.id}",
            [
                "1 published, 100.0% redeemed",
                "nobody was held out",
                "¥10 off when you spend ¥100",
                "Discount given ¥10.00",
                "1 redemption undone, not counted",
                "Budget left ¥4,990.00",
                "Vouchers given out: 1, used: 1 (100.0%).",
                "Of 1: 1 got a voucher, 0 held out",
            ],
            [
                "发放 1 张，核销 100.0%；没有对照组，无法判断增量。",
                "满 ¥100 减 ¥10",
                "剩余预算 ¥4,990.00",
                "发放 1 张，其中 1 张已核销，占 100.0%。",
            ],
            id="campaign",
        ),
        pytest.param(
            "/console/campaigns/{shop.quiet_campaign.id}",
            ["Nothing published yet", "Nothing to draw yet", "Not sent to a segment yet."],
            ["还没有发放", "还没有可以画的数据", "还没有发给任何客群。"],
            id="campaign without figures",
        ),
        pytest.param(
            "/console/campaigns/{shop.campaign.id}/vouchers",
            ["STOCK-1", "Not given out", "Used", "林晓 🧧 Lin Xiao"],
            ["STOCK-1", "未发放", "已使用"],
            id="vouchers",
        ),
        pytest.param(
            "/console/redemptions",
            ["Refused ¥23.50 more to go for the discount", "Undone later", "Undoing", "¥150.00"],
            ["未通过 还差 ¥23.50 可享满减", "已撤销", "撤销操作"],
            id="redemptions",
        ),
        pytest.param(
            "/console/campaigns/{shop.quiet_campaign.id}/redemptions",
            ["Nothing redeemed yet"],
            ["还没有核销"],
            id="redemptions of a quiet campaign",
        ),
        pytest.param(
            "/console/orders/{shop.order.id}",
            ["Order O-1", "Paid", "To pay ¥100.00", "tea", "1 line"],
            ["订单 O-1", "已支付", "应付 ¥100.00", "1 行明细"],
            id="order",
        ),
        pytest.param(
            "/console/outbox",
            ["C-1@shop.example", "Kept here", "1 entry"],
            ["C-1@shop.example", "留在发件箱"],
            id="outbox",
        ),
        pytest.param(
            "/console/outbox/{shop.message.id}",
            ["C-1@shop.example", "As plain text", "As the reader sees it", "Tries 0"],
            ["纯文本", "收件人看到的样子"],
            id="message",
        ),
    ],
)
async def test_pages_in_both_languages(
    browser: Browser, shop: Shop, where: str, english: list[str], chinese: list[str]
) -> None:
    path = where.format(shop=shop)
    in_english, in_chinese = await read(browser, path), await read(browser, path, language="zh")
    assert '<html lang="en"' in in_english
    assert '<html lang="zh-Hans"' in in_chinese
    assert missing(english, in_english) == []
    assert missing(chinese, in_chinese) == []


@EACH_LIST
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_list_page_stays_small(
    browser: Browser, shop: Shop, where: str, language: str
) -> None:
    assert (
        len((await read(browser, where.format(shop=shop), language=language)).encode()) <= 15 * 1024
    )


@EACH_LIST
@pytest.mark.parametrize(
    "query",
    [
        "cursor=nonsense",
        "cursor=%00",
        "cursor=99999999999999999999",
        "cursor=-1",
        "cursor=r_00000000000000000000",
        "q=%00%F0%9F%8E%8A%27%25_%5C",
        "q=" + "x" * 5000,
        "sort=-nothing&status=nothing&result=nothing",
        "sort=--name&sort=name",
        "q=%ED%A0%80",
        "before=nonsense",
    ],
)
async def test_a_strange_address_is_never_our_fault(
    browser: Browser, shop: Shop, where: str, query: str
) -> None:
    answer = await browser.get(f"{where.format(shop=shop)}?{query}")
    assert answer.status_code in {200, 400}
    assert "<html" in answer.text


@EACH_SINGLE
async def test_another_shops_things_are_not_there(
    browser: Browser, shop: Shop, other_shop: Shop, where: str
) -> None:
    assert (await browser.get(where.format(shop=shop))).status_code == 200
    answer = await browser.get(where.format(shop=other_shop), headers={"accept-language": "en"})
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text


@EACH_SINGLE
@pytest.mark.parametrize("unknown", ["nobody", "%00", "%F0%9F%8E%8A", "a%20b", "x" * 300])
async def test_unknown_ids_are_not_there(
    browser: Browser, shop: Shop, where: str, unknown: str
) -> None:
    known = where.format(shop=shop).split("/")[3]
    answer = await browser.get(where.format(shop=shop).replace(known, unknown))
    assert answer.status_code in {400, 404}
    assert "<html" in answer.text


@pytest.mark.parametrize("path", ["/nowhere", "/console/nowhere", "/a/b/c", "/console/a/b"])
async def test_unknown_addresses_have_a_page(stranger: Browser, path: str) -> None:
    answer = await stranger.get(path, headers={"accept-language": "en"})
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text


@pytest.mark.parametrize(
    ("words", "found", "absent"),
    [
        ("林晓", ["Customers", "林晓 🧧 Lin Xiao"], ["Vouchers"]),
        ("c-2@shop.example", ["Customers", "C-2"], ["Campaigns"]),
        ("春节🎊", ["Campaigns", "Live"], ["Vouchers"]),
        ("stock-1", ["Vouchers", "STOCK-1", "Not given out"], ["Customers"]),
        ("no such thing", ["Nothing found"], ["Customers", "Vouchers"]),
        ("", ["What are you looking for?"], ["Vouchers"]),
        ("%_\\'\"<script>", ["Nothing found"], ["Vouchers"]),
    ],
)
async def test_search(browser: Browser, words: str, found: list[str], absent: list[str]) -> None:
    answer = await browser.get(
        "/console/search", params={"q": words}, headers={"accept-language": "en"}
    )
    assert answer.status_code == 200
    headings = re.findall(r'<h2 class="card-title">([^<]+)</h2>', answer.text)
    assert missing(found, answer.text) == []
    assert [word for word in absent if word in headings] == []
    assert "<script>" not in words_of(answer.text)


async def test_a_timeline_goes_on_where_it_stopped(browser: Browser, shop: Shop) -> None:
    path = f"/console/customers/{shop.regular.id}"
    seen = re.findall(r"/console/orders/(\w+)", await read(browser, path))
    older = re.search(r'hx-get="([^"]+)"', await read(browser, path))
    while older is not None:
        part = await read_part(browser, older[1])
        seen += re.findall(r"/console/orders/(\w+)", part)
        older = re.search(r'hx-get="([^"]+)"', part)
    assert len(seen) == len(set(seen)) == 32


async def read_part(browser: Browser, path: str) -> str:
    """A piece of a page; it is no page by itself."""
    answer = await browser.get(path.replace("&amp;", "&"), headers={"hx-request": "true"})
    assert answer.status_code == 200
    assert "<html" not in answer.text
    return answer.text


async def test_a_letter_stands_in_a_frame_that_can_do_nothing(browser: Browser, shop: Shop) -> None:
    page = await read(browser, f"/console/outbox/{shop.message.id}")
    assert f'src="/console/outbox/{shop.message.id}/letter" sandbox title' in page
    answer = await browser.get(f"/console/outbox/{shop.message.id}/letter")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert policy.endswith("; sandbox")
    assert "script-src" not in policy
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize(("role", "hands_out"), [(Role.OWNER, True), (Role.ANALYST, False)])
async def test_wallet_links_are_for_those_who_hand_vouchers_out(
    stranger: Browser, database: Database, shop: Shop, role: Role, hands_out: bool
) -> None:
    await enter(stranger, database, shop, role)
    page = await read(stranger, f"/console/customers/{shop.regular.id}")
    assert bool(re.search(r'href="/w/[\w-]{44}"', page)) is hands_out


@pytest.mark.parametrize(
    ("address", "codes"),
    [
        ("?status=given", ["given"]),
        ("?status=stock", ["stock"]),
        ("?status=off", []),
        ("?q=STOCK", ["stock"]),
        ("?q=NOPE", []),
        ("", ["given", "stock"]),
    ],
)
async def test_vouchers_are_found_by_code_and_status(
    browser: Browser, shop: Shop, address: str, codes: list[str]
) -> None:
    page = await read(browser, f"/console/campaigns/{shop.campaign.id}/vouchers{address}")
    shown = {"given": shop.code in page, "stock": "STOCK-1</span>" in page}
    assert [name for name, there in shown.items() if there] == codes


@pytest.mark.parametrize(
    ("address", "results"),
    [
        ("", ["Undoing", "Redeemed", "Undone later", "Refused"]),
        ("?result=refused", ["Refused"]),
        ("?result=redeemed", ["Redeemed", "Undone later"]),
        ("?result=undone", ["Undoing"]),
    ],
)
async def test_redemptions_are_found_by_result(
    browser: Browser, address: str, results: list[str]
) -> None:
    page = await read(browser, f"/console/redemptions{address}")
    shown = re.findall(r'status-lite">([^<]+)</span>', page)
    assert sorted(shown) == sorted(results)


async def test_campaigns_are_found_by_where_they_stand(browser: Browser, shop: Shop) -> None:
    found: dict[str, Any] = {}
    for status in ("live", "off", "ended", "scheduled"):
        page = await read(browser, f"/console/campaigns?status={status}")
        found[status] = re.findall(r'kq-row-link" href="/console/campaigns/(\w+)"', page)
    expected = {"live": [shop.campaign.id], "off": [shop.quiet_campaign.id]}
    assert found == {"ended": [], "scheduled": [], **expected}


def test_the_documents_script_is_one_of_our_files() -> None:
    assert docs_script() in {asset.url for asset in load_assets().by_name.values()}
    assert missing_assets() == []
