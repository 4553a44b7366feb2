"""What the server is loaded with: tight limits, and the requests that press against them."""

import random

import msgspec

from kaquan.campaigns import (
    CampaignDraft,
    VoucherDraft,
    add_voucher,
    create_campaign,
    issue_vouchers,
)
from kaquan.cli.first_steps import set_up
from kaquan.customers import CustomerDraft, upsert_customer
from kaquan.runtime import open_database, utc_now

CUSTOMERS = 400
SPREAD_VOUCHERS = 30_000
PER_CUSTOMER_CAP = 60
HOT_CODES, HOT_USES = 200, 25
TIGHT_BUDGET_MINOR, TIGHT_AMOUNT_MINOR = 20_000, 150
TIGHT_CODE = "TIGHT-BUDGET"
JOIN_CAMPAIGN = "Join once"


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """Who may call, and what there is to redeem; ``tight_campaign`` has a small budget."""

    headers: dict[str, str]
    codes: list[str]
    customers: list[str]
    spread_campaign: str
    tight_campaign: str
    join_campaign: str


class Request(msgspec.Struct, kw_only=True):
    """One request under its key, and the answer once there is one."""

    kind: str
    path: str
    body: bytes
    key: str
    status: int | None = None
    answer: bytes = b""

    @property
    def succeeded(self) -> bool:
        """Whether it was acknowledged as done."""
        return self.status == 200


async def open_shop(url: str) -> Shop:
    """Create project, keys, customers, campaigns and codes."""
    now = utc_now()
    ten_percent = {"effect": {"code": "percent_off", "rate_bps": 1000}}
    amount = {"effect": {"code": "amount_off", "amount_minor": TIGHT_AMOUNT_MINOR}}
    async with open_database(url) as database:
        setup = await set_up(
            database,
            name="Crashes",
            currency="USD",
            time_zone="UTC",
            language="en",
            admin_email="crash@example.com",
        )
        assert setup.credentials is not None
        async with database.transaction(setup.project.project_id) as tx:
            customers = [
                (await upsert_customer(tx, CustomerDraft(source_id=f"c-{n}"), now=now)).source_id
                for n in range(CUSTOMERS)
            ]
            draft = CampaignDraft(
                name="Spread",
                offer=ten_percent,
                budget_minor=10**12,
                per_customer_cap=PER_CUSTOMER_CAP,
            )
            spread = await create_campaign(tx, draft, now=now)
            ids = await issue_vouchers(tx, spread.id, SPREAD_VOUCHERS, now=now)
            cursor = await tx.execute("select code from voucher where id = any(%s)", (ids,))
            codes = [row[0] for row in await cursor.fetchall()]
            draft = CampaignDraft(name="Tight", offer=amount, budget_minor=TIGHT_BUDGET_MINOR)
            tight = await create_campaign(tx, draft, now=now)
            voucher = VoucherDraft(code=TIGHT_CODE, campaign_id=tight.id, quantity=None)
            await add_voucher(tx, voucher, now=now)
            for number in range(HOT_CODES):
                hot = VoucherDraft(code=hot_code(number), offer=amount, quantity=HOT_USES)
                await add_voucher(tx, hot, now=now)
            draft = CampaignDraft(name=JOIN_CAMPAIGN, offer=amount, holdout_bps=0)
            join = await create_campaign(tx, draft, now=now)
    key = setup.credentials.server
    return Shop(
        headers={"X-App-Id": key.app_id, "X-App-Token": key.token},
        codes=codes,
        customers=[one for one in customers if one is not None],
        spread_campaign=spread.id,
        tight_campaign=tight.id,
        join_campaign=join.id,
    )


def hot_code(number: int) -> str:
    """The code that everybody wants in one cycle."""
    return f"HOT-{number}"


class Requests:
    """Makes requests by chance, and keeps all that were ever made."""

    def __init__(self, shop: Shop, chance: random.Random) -> None:
        self._shop = shop
        self._chance = chance
        self._fresh = iter(shop.codes)
        self.journal: list[Request] = []

    def next_request(self, cycle: int) -> Request:
        """Return a new request: mostly redemptions, also publications and roll-backs."""
        draw = self._chance.random()
        key = f"crash-request-{len(self.journal):06}"
        redeemed = [r for r in self.journal[-400:] if r.kind == "redemption" and r.succeeded]
        if draw < 0.15 and redeemed:
            request = _roll_back(self._chance.choice(redeemed), key)
        elif draw < 0.3:
            request = self._publication(key)
        else:
            request = self._redemption(key, cycle)
        self.journal.append(request)
        return request

    def _redemption(self, key: str, cycle: int) -> Request:
        draw = self._chance.random()
        code = hot_code(cycle % HOT_CODES) if draw < 0.15 else TIGHT_CODE
        if draw >= 0.3:
            code = next(self._fresh)
        body = {
            "redeemables": [{"object": "voucher", "id": code}],
            "customer": {"source_id": self._chance.choice(self._shop.customers)},
            "order": {"items": [{"source_id": "article", "quantity": 2, "price": 1500}]},
            "tracking_id": key,
        }
        return _request("redemption", "/v1/redemptions", body, key)

    def _publication(self, key: str) -> Request:
        body = {
            "campaign": {"name": JOIN_CAMPAIGN},
            "customer": {"source_id": self._chance.choice(self._shop.customers)},
            "metadata": {"key": key},
        }
        return _request("publication", "/v1/publications?join_once=true", body, key)


def id_of(answer: bytes, kind: str) -> str:
    """The id of what an answer acknowledges."""
    members = msgspec.json.decode(answer)
    return members["redemptions"][0]["id"] if kind == "redemption" else members["id"]


def _roll_back(redemption: Request, key: str) -> Request:
    undone = id_of(redemption.answer, "redemption")
    return _request("rollback", f"/v1/redemptions/{undone}/rollback", {"tracking_id": key}, key)


def _request(kind: str, path: str, body: object, key: str) -> Request:
    return Request(kind=kind, path=path, body=msgspec.json.encode(body), key=key)
