"""A shop that has one of everything: what the routes of the OpenAPI document can be tried on."""

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from httpx import ASGITransport, AsyncClient
from litestar import Litestar

from api.conftest import headers_of, issue_key
from connectors.samples import encode, signed
from kaquan.runtime import Database, Project, utc_now
from kaquan.trust import ClientAccessChange, KeyKind, update_client_access

AMOUNT_OFF = {"type": "DISCOUNT_VOUCHER", "discount": {"type": "AMOUNT", "amount_off": 100}}
EARNING = {
    "event": "order.paid",
    "loyalty": {
        "type": "PROPORTIONAL",
        "calculation_type": "ORDER_AMOUNT",
        "order": {"amount": {"every": 100, "points": 1}},
    },
}
HOOK = "https://hooks.example.com/kaquan"
SECRET = "a secret of a source"

Stock = dict[str, list[str]]
"""Ids by the names that the document's paths have for them, the likeliest to be found first."""


WORD = re.compile(r"\{(\w+)\}")


class Shop(NamedTuple):
    """A project, a client with all its keys, and what it has."""

    project: Project
    client: AsyncClient
    stock: Stock


@asynccontextmanager
async def open_shop(
    app: Litestar, database: Database, project: Project, *, mark: str
) -> AsyncGenerator[Shop]:
    """Stock a project's shop through its API; public keys may redeem and publish there."""
    server, public, managing = [
        await issue_key(database, project, kind)
        for kind in (KeyKind.SERVER, KeyKind.CLIENT, KeyKind.MANAGEMENT)
    ]
    async with database.transaction(project.project_id) as tx:
        change = ClientAccessChange(redeem=True, publish=True)
        await update_client_access(tx, change, now=utc_now())
    headers = headers_of(server) | {
        "X-Client-Application-Id": public.app_id,
        "X-Client-Token": public.token,
        "X-Management-Id": managing.app_id,
        "X-Management-Token": managing.token,
    }
    transport = ASGITransport(app, raise_app_exceptions=False)  # pyright: ignore[reportArgumentType] - Litestar's own ASGI types
    async with AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        stock = await stock_shop(client, mark)
        await app.state.attempts.flush()
        attempts = (await client.get("/v1/attempts")).json()
        stock["attempt_id"] = [attempts["data"][0]["id"]]
        yield Shop(project, client, stock)


def fill(text: str, ids: Mapping[str, str]) -> str:
    """Put ids in the place of their names in braces; what has no id becomes ``none``."""
    return WORD.sub(lambda word: ids.get(word[1], "none"), text)


class Shelf:
    """Sends what makes the objects, and notes their ids."""

    def __init__(self, client: AsyncClient, mark: str) -> None:
        self._client = client
        self.mark = mark
        self.stock: Stock = {}

    async def post(self, path: str, body: object) -> Any:
        """Send a body; it must be taken."""
        answer = await self._client.post(path, json=body)
        assert answer.status_code in (200, 202), f"{path}: {answer.text}"
        return answer.json()

    async def read(self, path: str) -> Any:
        """Get something that is there."""
        answer = await self._client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return answer.json()

    async def put(self, path: str, body: object) -> None:
        """Store something under a name."""
        answer = await self._client.put(path, json=body)
        assert answer.status_code == 200, f"{path}: {answer.text}"

    async def send(self, path: str, content: bytes, headers: Mapping[str, str]) -> Any:
        """Send bytes as they are."""
        answer = await self._client.post(path, content=content, headers=dict(headers))
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return answer.json()

    async def upload(self, path: str, content: str, form: Mapping[str, str]) -> Any:
        """Send a file."""
        files = {"file": ("file.csv", content.encode(), "text/csv")}
        answer = await self._client.post(path, files=files, data=dict(form))
        assert answer.status_code == 202, f"{path}: {answer.text}"
        return answer.json()

    async def get(self, path: str) -> Any:
        """Get something that is there."""
        answer = await self._client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return answer.json()

    async def remove(self, path: str) -> None:
        """Delete something that is there."""
        answer = await self._client.delete(path)
        assert answer.status_code in (200, 204), f"{path}: {answer.text}"

    def note(self, name: str, *ids: str) -> str:
        """Keep ids; returns the first."""
        self.stock.setdefault(name, []).extend(ids)
        return ids[0]


async def stock_shop(client: AsyncClient, mark: str) -> Stock:
    """Make one of everything in the shop of the client's keys; ``mark`` is in every name."""
    shelf = Shelf(client, mark)
    await _stock_people(shelf)
    await _stock_goods(shelf)
    await _stock_rules(shelf)
    await _stock_coupons(shelf)
    await _stock_promotion(shelf)
    await _stock_club(shelf)
    await _stock_friends(shelf)
    await _stock_till(shelf)
    await _stock_office(shelf)
    await _stock_science(shelf)
    await _stock_mailbox(shelf)
    return shelf.stock


async def _stock_people(shelf: Shelf) -> None:
    names = [f"{one}-{shelf.mark}" for one in ("ann", "bob", "cy", "cyd")]
    ids = [
        (await shelf.post("/v1/customers", {"source_id": name, "name": name}))["id"]
        for name in names
    ]
    first, _, third, fourth = ids
    shelf.note("customer_id", first, ids[1], names[0])
    shelf.note("first_id", first)
    shelf.note("second_id", ids[1])
    note = await shelf.post(f"/v1/kaquan/customers/{first}/notes", {"text": shelf.mark})
    shelf.note("note_id", note["id"])
    merge = {"survivor": third, "merged": fourth}
    shelf.note("merge_id", (await shelf.post("/v1/kaquan/merges", merge))["id"])
    segment = {"name": f"seg-{shelf.mark}", "type": "static", "customers": [first]}
    shelf.note("segment_id", (await shelf.post("/v1/segments", segment))["id"])
    location = {"source_id": f"shop-{shelf.mark}", "name": shelf.mark}
    shelf.note("location_id", (await shelf.post("/v1/locations", location))["id"])


async def _stock_goods(shelf: Shelf) -> None:
    product = {"source_id": f"cup-{shelf.mark}", "price": 400}
    made = shelf.note("product_id", (await shelf.post("/v1/products", product))["id"])
    sku = {"source_id": f"red-{shelf.mark}", "sku": "Red", "price": 450}
    shelf.note("sku_id", (await shelf.post(f"/v1/products/{made}/skus", sku))["id"])
    collection = {
        "name": f"cups-{shelf.mark}",
        "type": "STATIC",
        "products": [{"object": "product", "id": made}],
    }
    shelf.note("collection_id", (await shelf.post("/v1/product-collections", collection))["id"])
    gone = await shelf.post("/v1/products", {"source_id": f"gone-{shelf.mark}"})
    await shelf.remove(f"/v1/products/{gone['id']}")
    for entry in (await shelf.get("/v1/trash-bin"))["data"]:
        shelf.note("entry_id", entry["id"])


async def _stock_rules(shelf: Shelf) -> None:
    rule = {
        "name": f"rule-{shelf.mark}",
        "type": "basic",
        "rules": {
            "1": {"name": "order.amount", "conditions": {"$more_than": [1]}},
            "logic": "1",
        },
    }
    shelf.note("rule_id", (await shelf.post("/v1/validation-rules", rule))["id"])
    partner = await shelf.post("/v1/kaquan/partners", {"name": f"partner-{shelf.mark}"})
    shelf.note("partner_id", partner["id"], partner["name"])
    category = {"name": f"cat-{shelf.mark}"}
    shelf.note("category_id", (await shelf.post("/v1/categories", category))["id"])


async def _stock_coupons(shelf: Shelf) -> None:
    body = {"name": f"camp-{shelf.mark}", "voucher": AMOUNT_OFF}
    campaign = (await shelf.post("/v1/campaigns", body))["id"]
    shelf.note("campaign_id", campaign)
    member = await shelf.post(f"/v1/campaigns/{campaign}/vouchers/OF{shelf.mark}", {})
    template = {"campaign_id": campaign, "name": f"template-{shelf.mark}"}
    shelf.note("template_id", (await shelf.post("/v1/templates/campaigns", template))["id"])
    code = f"CODE{shelf.mark}"
    made = await shelf.post(f"/v1/vouchers/{code}", AMOUNT_OFF | {"redemption": {"quantity": 50}})
    gift = {"type": "GIFT_VOUCHER", "gift": {"amount": 5_000}, "redemption": {"quantity": None}}
    card = await shelf.post(f"/v1/vouchers/GIFT{shelf.mark}", gift)
    shelf.note("code", code, card["code"], member["code"], made["id"])
    rule = shelf.stock["rule_id"][0]
    assigned = await shelf.post(f"/v1/validation-rules/{rule}/assignments", {"voucher": code})
    shelf.note("assignment_id", assigned["id"])
    customer = {"source_id": f"ann-{shelf.mark}"}
    await shelf.post("/v1/publications", {"campaign": {"name": body["name"]}, "customer": customer})


async def _stock_promotion(shelf: Shelf) -> None:
    tier = {"name": "T", "action": {"discount": {"type": "AMOUNT", "amount_off": 10}}}
    body = {
        "name": f"promo-{shelf.mark}",
        "campaign_type": "PROMOTION",
        "promotion": {"tiers": [tier]},
    }
    made = await shelf.post("/v1/campaigns", body)
    shelf.note("campaign_id", made["id"])
    tiers = await shelf.get(f"/v1/promotions/{made['id']}/tiers")
    first = shelf.note("tier_id", tiers["tiers"][0]["id"])
    template = {"promotion_tier_id": first, "name": f"tier-{shelf.mark}"}
    shelf.note("template_id", (await shelf.post("/v1/templates/campaigns", template))["id"])
    stack = {"name": f"stack-{shelf.mark}", "tiers": {"ids": [first]}}
    stacks = f"/v1/promotions/{made['id']}/stacks"
    shelf.note("stack_id", (await shelf.post(stacks, stack))["id"])


async def _stock_club(shelf: Shelf) -> None:
    body = {"name": f"club-{shelf.mark}", "voucher": {"loyalty_card": {"points": 500}}}
    club = (await shelf.post("/v1/loyalties", body))["id"]
    shelf.note("campaign_id", club)
    (rule,) = await shelf.post(f"/v1/loyalties/{club}/earning-rules", [EARNING])
    shelf.note("rule_id", rule["id"])
    levels = [{"name": "Gold", "points": {"from": 100}}]
    (level,) = await shelf.post(f"/v1/loyalties/{club}/tiers", levels)
    shelf.note("tier_id", level["id"])
    member = {"customer": {"source_id": f"ann-{shelf.mark}"}}
    card = await shelf.post(f"/v1/loyalties/{club}/members", member)
    shelf.note("member_id", card["code"], card["id"])
    waiting = EARNING | {"pending_points": {"period_type": "DAY", "period_value": 14}}
    await shelf.post(f"/v1/loyalties/{club}/earning-rules", [waiting])
    for _ in range(3):
        await shelf.post("/v1/orders", member | {"amount": 1_000, "status": "PAID"})
    pending = await shelf.read(f"/v1/loyalties/{club}/pending-points")
    shelf.note("pending_points_id", *(one["id"] for one in pending["data"]))
    other = {"customer": {"source_id": f"cy-{shelf.mark}"}}
    shelf.note("other_member", (await shelf.post(f"/v1/loyalties/{club}/members", other))["code"])
    parameters = {"campaign": {"id": shelf.stock["campaign_id"][0]}}
    prize = await shelf.post("/v1/rewards", {"name": "Prize", "parameters": parameters})
    shelf.note("reward_id", prize["id"])
    offer = {"campaign": club, "parameters": {"loyalty": {"points": 5}}}
    assigned = await shelf.post(f"/v1/rewards/{prize['id']}/assignments", offer)
    shelf.note("assignment_id", assigned["id"])


async def _stock_friends(shelf: Shelf) -> None:
    friends = {
        "name": f"friends-{shelf.mark}",
        "campaign_type": "REFERRAL_PROGRAM",
        "voucher": {"discount": {"type": "AMOUNT", "amount_off": 1}},
    }
    programme = shelf.note("programme_id", (await shelf.post("/v1/campaigns", friends))["id"])
    given = {"campaign": {"id": programme}, "customer": {"source_id": f"friend-{shelf.mark}"}}
    code = (await shelf.post("/v1/publications", given))["voucher"]["code"]
    shelf.note("referral_id", code)
    brought = {"holders": [{"source_id": f"brought-{shelf.mark}"}]}
    added = await shelf.post(f"/v1/referrals/members/{code}/holders", brought)
    shelf.note("holder_id", added["holders"][0]["id"])


async def _stock_till(shelf: Shelf) -> None:
    code = shelf.stock["code"][0]
    customer = {"source_id": f"ann-{shelf.mark}"}
    item = {"product_id": shelf.stock["product_id"][0], "quantity": 2, "price": 400}
    basket = {
        "redeemables": [{"object": "voucher", "id": code}],
        "customer": customer,
        "order": {"items": [item]},
    }
    for _ in range(5):
        redeemed = await shelf.post("/v1/redemptions", basket)
        shelf.note("redemption_id", redeemed["redemptions"][0]["id"])
        shelf.note("order_id", redeemed["order"]["id"])
    order = shelf.stock["order_id"][0]
    back = {"items": [{"line": 0, "quantity": 1}]}
    shelf.note("return_id", (await shelf.post(f"/v1/orders/{order}/returns", back))["id"])
    key = shelf.note("session_key", f"session-{shelf.mark}")
    lock = {"type": "LOCK", "key": key}
    await shelf.post("/v1/validations", basket | {"session": lock})


async def _stock_office(shelf: Shelf) -> None:
    export = await shelf.post("/v1/exports", {"exported_object": "voucher"})
    shelf.note("export_id", export["id"])
    bulk: list[dict[str, Any]] = [{"code": shelf.stock["code"][0], "metadata": {}}]
    action = await shelf.post("/v1/vouchers/bulk/async", bulk)
    shelf.note("action_id", action["async_action_id"])
    hook = shelf.note("webhook_id", (await shelf.post("/v1/kaquan/webhooks", {"url": HOOK}))["id"])
    delivery = await shelf.post(f"/v1/kaquan/webhooks/{hook}/test", {})
    shelf.note("delivery_id", delivery["id"])
    own = (await shelf.get("/management/v1/projects"))["data"][0]["id"]
    base = f"/management/v1/projects/{shelf.note('project_id', own)}"
    rules = (await shelf.get(f"{base}/stacking-rules"))["data"][0]
    if rules.get("id") is None:
        rules = await shelf.post(f"{base}/stacking-rules", {"redeemables_limit": 7})
    shelf.note("rules_id", rules["id"])
    schema = {"related_object": "location", "properties": {"a": {"type": "string"}}}
    told = (await shelf.get(f"{base}/metadata-schemas"))["data"]
    known = [one for one in told if one["related_object"] == "location"]
    made = known[0] if known else await shelf.post(f"{base}/metadata-schemas", schema)
    event = await shelf.post(f"{base}/custom-event-schemas", {"name": f"seen{shelf.mark}"})
    shelf.note("schema_id", made["id"], event["id"])
    shelf.note("event", f"seen{shelf.mark}")
    shelf.note("resource", "location", "customer")
    for person in (await shelf.get(f"{base}/users"))["data"]:
        shelf.note("user_id", person["id"])


async def _stock_science(shelf: Shelf) -> None:
    arms = [{"name": name, "weight_bps": 5_000} for name in ("one", "two")]
    trial = {"name": f"trial-{shelf.mark}", "campaign_id": shelf.stock["campaign_id"][0]}
    made = await shelf.post("/v1/kaquan/experiments", {**trial, "arms": arms})
    shelf.note("experiment_id", made["id"])
    asked = {"learnt_from": made["id"], "segment_id": shelf.stock["segment_id"][0]}
    plan = await shelf.post("/v1/kaquan/plans", {"name": f"plan-{shelf.mark}", **asked})
    shelf.note("plan_id", plan["id"])
    sending = {"campaign_id": trial["campaign_id"], "segment_id": asked["segment_id"]}
    shelf.note("distribution_id", (await shelf.post("/v1/kaquan/distributions", sending))["id"])
    run = await shelf.post("/v1/kaquan/model-runs", {"kind": "redemption"})
    shelf.note("run_id", run["id"])


async def _stock_mailbox(shelf: Shelf) -> None:
    body = {"kind": "woocommerce", "name": f"web-{shelf.mark}", "secret": SECRET}
    source = await shelf.post("/v1/kaquan/sources", body)
    shelf.note("source_id", source["id"])
    raw = encode({"id": shelf.mark})
    headers = {
        "X-WC-Webhook-Signature": signed(raw, secret=SECRET),
        "X-WC-Webhook-Topic": "order.created",
    }
    shelf.note("receipt_id", (await shelf.send(source["path"], raw, headers))["receipt"])
    content = f"id,name\nfile-{shelf.mark},Fi\n"
    sent = await shelf.upload("/v1/kaquan/imports", content, {"subject": "customers"})
    shelf.note("import_id", sent["id"])
    mapping = {"mapping": {"fields": {"source_id": "id"}}}
    await shelf.put(f"/v1/kaquan/import-profiles/customers/till-{shelf.mark}", mapping)
    shelf.note("subject", "customers")
    shelf.note("name", f"till-{shelf.mark}")
