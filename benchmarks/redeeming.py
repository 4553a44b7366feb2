"""A redemption, as a request of ours and as statements of pgbench that do the same."""

import asyncio
from typing import Any

from benchmarks.stage import CUSTOMERS, Shop, as_owner
from kaquan.campaigns import CampaignDraft, VoucherDraft, add_voucher, create_campaign
from kaquan.runtime import open_database, utc_now

OFFER = {
    "effect": {"code": "percent_off", "rate_bps": 1000, "cap_minor": 2000},
    "condition": {
        "all": [
            {"code": "minimum_spend", "amount_minor": 5000},
            {"code": "line_count", "at_least": 2},
            {"code": "per_customer_count", "at_most": 100_000},
        ],
    },
}
CAP = 10**6
ITEMS = [
    {"source_id": f"article-{n}", "quantity": n, "price": 1000 + n, "amount": n * (1000 + n)}
    for n in range(1, 6)
]


def open_campaign(shop: Shop, *, hot_code: str | None = None) -> str:
    """Create a campaign with a budget and a cap per person; returns its id.

    With ``hot_code`` it has one voucher that may be used without end.
    """

    async def create() -> str:
        now = utc_now()
        draft = CampaignDraft(
            name="Ten off", offer=OFFER, budget_minor=10**13, per_customer_cap=CAP
        )
        async with (
            open_database(shop.url) as database,
            database.transaction(shop.project_id) as tx,
        ):
            campaign = await create_campaign(tx, draft, now=now)
            if hot_code is not None:
                voucher = VoucherDraft(campaign_id=campaign.id, code=hot_code, quantity=10**9)
                await add_voucher(tx, voucher, now=now)
        return campaign.id

    return asyncio.run(create())


def redeem_body(code: str, customer: int) -> dict[str, Any]:
    """The body of a request to redeem."""
    return {
        "redeemables": [{"object": "voucher", "id": code}],
        "customer": {"source_id": f"c-{customer % CUSTOMERS}"},
        "order": {"items": ITEMS},
    }


def keep_trace(shop: Shop) -> None:
    """Keep the trace of a redemption that was made, for the baseline to store as well."""
    with as_owner(shop) as connection:
        connection.execute(
            "create table bench_trace as select trace from redemption"
            " where result = 'SUCCESS' limit 1"
        )
        connection.execute("grant select on bench_trace to kaquan_app")


def write_script(code: str) -> str:
    """The statements of one redemption; ``code`` is the SQL of the voucher's code."""
    return _SCRIPT.replace("@CODE", code).replace("@CUSTOMERS", str(CUSTOMERS))


_SCRIPT = r"""
\set buyer :turn % @CUSTOMERS
begin;
select set_config('kaquan.project_id', '{project_id}', true);
select p.*, (select rules from stacking_rules) from project p
 where project_id = current_project();
select v.*, c.*, v.id as voucher, v.campaign_id as campaign from voucher v
  join campaign c on c.id = v.campaign_id where v.code = @CODE \gset found_
select *, id as customer from customer where source_id = 'c-' || (:buyer)::text
   for no key update \gset found_
select * from product where source_id = any ('{{article-1,article-2,article-3,article-4,article-5}}')
    or id = any ('{{article-1,article-2,article-3,article-4,article-5}}');
select count(*) from redemption r where customer_id = :found_customer
   and campaign_id = :found_campaign and kind = 'redemption' and result = 'SUCCESS'
   and not use_returned and not rolled_back;
select owner, kind, balance, held, granted from account
 where (owner, kind) in ((:found_voucher, 'uses'), (:found_campaign, 'budget'),
                (:found_campaign::text || '/' || :found_customer::text, 'customer_uses'))
 order by owner, kind for no key update;
insert into orders (id, customer_id, status, amount_minor, discount_minor, line_product_ids,
  line_source_ids, line_quantities, line_unit_prices, line_amounts, line_discounts, placed_at,
  created_at)
values ('ord_' || (:turn)::text, :found_customer, 'PAID', 15055, 1505,
  array[null, null, null, null, null]::text[],
  '{{article-1,article-2,article-3,article-4,article-5}}', '{{1,2,3,4,5}}',
  '{{1001,1002,1003,1004,1005}}', '{{1001,2004,3009,4016,5025}}', '{{0,0,0,0,0}}',
  now(), now());
insert into customer_summary as s (customer_id, order_count, spend_minor, first_order_at,
  last_order_at) values (:found_customer, 1, 13550, now(), now())
on conflict (project_id, customer_id) do update
  set order_count = s.order_count + 1, spend_minor = s.spend_minor + 13550, last_order_at = now();
insert into redemption (id, kind, result, voucher_id, campaign_id, customer_id, order_id, channel,
  discount_minor, order_amount_minor, allocation, items_allocation, trace, created_at)
select 'r_' || (:turn)::text, 'redemption', 'SUCCESS', :found_voucher, :found_campaign,
  :found_customer, 'ord_' || (:turn)::text, 'API', 1505, 15055, '{{100,200,301,402,502}}',
  '{{0,0,0,0,0}}', trace, now() from bench_trace;
insert into transfer (from_owner, to_owner, kind, amount, cause, cause_id, at) values
  (:found_voucher, '@redeemed', 'uses', 1, 'redeem', 'r_' || (:turn)::text, now()),
  (:found_campaign, '@redeemed', 'budget', 1505, 'redeem', 'r_' || (:turn)::text, now()),
  (:found_campaign::text || '/' || :found_customer::text, '@redeemed', 'customer_uses', 1,
   'redeem', 'r_' || (:turn)::text, now());
commit;
"""
