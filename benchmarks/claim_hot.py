"""A flash claim over HTTP, all on one campaign, against the same by pgbench.

Ours: 64 connections, each fetching a voucher of one campaign with a stock and one for each
customer (`POST /v1/publications`). The baseline, by turns on the same database: pgbench with 32
clients and prepared statements that does the same reads and writes statement by statement, one
claim a transaction; its clients wait for each other on the stock's account.

Prints one line of JSON; value and baseline are claims per second.
"""

import asyncio
from collections.abc import Iterator
from itertools import count
from typing import Any

from benchmarks.redeeming import OFFER
from benchmarks.sizes import QUICK
from benchmarks.stage import (
    CUSTOMERS,
    PGBENCH_TURN,
    Shop,
    fill_pool,
    load,
    open_shop,
    post,
    raw_requests,
    run_pgbench,
    serve,
    settle,
    take_turns,
    tell,
)
from kaquan.campaigns import (
    Activation,
    CampaignDraft,
    ClaimRule,
    create_campaign,
    set_claim_rule,
)
from kaquan.runtime import open_database, utc_now

VOUCHERS = 50_000 if QUICK else 200_000
BASELINE_FROM = CUSTOMERS // 2


def main() -> None:
    """Run both and print the ratio."""
    with open_shop() as shop:
        campaign_id = _open_campaign(shop)
        fill_pool(shop, campaign_id, VOUCHERS)
        settle(shop)
        with serve(shop) as port:
            bodies = _list_bodies(campaign_id)
            post(shop, port, "/v1/publications", next(bodies))
            requests = raw_requests(shop, "/v1/publications", bodies)
            script = _SCRIPT.replace("@CAMPAIGN", campaign_id).replace("@CUSTOMERS", str(CUSTOMERS))
            outcome = take_turns(
                lambda turn: load(port, requests),
                lambda turn: run_pgbench(shop, script, start=BASELINE_FROM + turn * PGBENCH_TURN),
            )
    tell("claim_hot", outcome, unit="claims/s")


def _open_campaign(shop: Shop) -> str:
    async def create() -> str:
        now = utc_now()
        draft = CampaignDraft(
            name="Flash",
            offer=OFFER,
            activation=Activation.STATIC,
            holdout_bps=0,
            join_once=False,
        )
        async with (
            open_database(shop.url) as database,
            database.transaction(shop.project_id) as tx,
        ):
            campaign = await create_campaign(tx, draft, now=now)
            rule = ClaimRule(stock=VOUCHERS, per_customer=1_000, opens_at=now)
            await set_claim_rule(tx, campaign.id, rule, now=now)
        return campaign.id

    return asyncio.run(create())


def _list_bodies(campaign_id: str) -> Iterator[Any]:
    for number in count():
        customer = {"source_id": f"c-{number % BASELINE_FROM}"}
        yield {"campaign": {"id": campaign_id}, "customer": customer, "channel": "APP"}


_SCRIPT = r"""
\set buyer :turn % @CUSTOMERS
begin;
select set_config('kaquan.project_id', '{project_id}', true);
select c.*, r.stock, r.per_customer, r.opens_at, r.closes_at from campaign c
  left join claim_rule r on r.campaign_id = c.id where c.id = '@CAMPAIGN';
select *, id as customer from customer where source_id = 'c-' || (:buyer)::text
   for no key update \gset found_
select owner, kind, balance, held, granted from account
 where owner = '@CAMPAIGN' and kind = 'claims' for no key update;
select count(*) from publication where campaign_id = '@CAMPAIGN' and customer_id = :found_customer;
select v.id as voucher, v.code from voucher v
 where v.campaign_id = '@CAMPAIGN' and v.holder_id is null and v.active
   and (v.expires_at is null or v.expires_at > now())
   and (v.quantity is null or (select a.balance - a.held from account a
        where a.owner = v.id and a.kind = 'uses') > 0)
 order by v.id limit 1 for no key update of v skip locked \gset found_
insert into publication (id, campaign_id, voucher_id, customer_id, once, channel, created_at)
values ('pub_' || (:turn)::text, '@CAMPAIGN', :found_voucher, :found_customer, false, 'APP', now());
update voucher set holder_id = :found_customer, published_at = now(), updated_at = now()
 where id = :found_voucher;
insert into transfer (from_owner, to_owner, kind, amount, cause, cause_id, at)
values ('@CAMPAIGN', '@redeemed', 'claims', 1, 'redeem', 'pub_' || (:turn)::text, now());
select v.*, a.balance, a.granted from voucher v left join account a
  on a.owner = v.id and a.kind = 'uses' where v.id = :found_voucher;
select * from customer_summary where customer_id = :found_customer;
select result, count(*) from redemption where customer_id = :found_customer group by 1;
commit;
"""

if __name__ == "__main__":
    main()
