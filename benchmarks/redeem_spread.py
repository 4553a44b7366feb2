"""Redemptions over HTTP, spread over many vouchers, against the same reads and writes by pgbench.

Ours: `kaquan serve` with one web process, 64 keep-alive connections, each redeeming a fresh
voucher of a campaign with a budget, a minimum spend and a cap per person, on an order of five
lines. The baseline, in the same run and on the same database: pgbench with 32 clients and
prepared statements, one redemption a transaction, statement by statement: the voucher with its
campaign, the customer and the campaign's budget locked, the order, the redemption with its
trace, the transfers (whose trigger moves the balances) and the customer's summary written.

Prints one line of JSON; value and baseline are redemptions per second.
"""

import asyncio
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import msgspec
import psycopg

from benchmarks.load import LoadReport, drive, raw_post
from kaquan.campaigns import CampaignDraft, create_campaign, issue_vouchers
from kaquan.cli.first_steps import set_up
from kaquan.customers import CustomerDraft, upsert_customer
from kaquan.runtime import binary, embedded_postgres, migrate, open_database, utc_now

VOUCHERS = 40_000
CUSTOMERS = 2_000
CONNECTIONS = 64
CLIENTS = 32
SECONDS = 10
OFFER = {
    "effect": {"code": "percent_off", "rate_bps": 1000, "cap_minor": 2000},
    "condition": {"code": "minimum_spend", "amount_minor": 5000},
}
ITEMS = [
    {"source_id": f"article-{n}", "quantity": n, "price": 1000 + n, "amount": n * (1000 + n)}
    for n in range(1, 6)
]


class Stage(msgspec.Struct, frozen=True):
    """What a run needs: who calls, the codes to redeem and the customers who do."""

    project_id: int
    headers: dict[str, str]
    campaign_id: str
    codes: list[str]
    customers: list[str]


def main() -> None:
    """Run both and print the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        data_dir = Path(folder)
        with embedded_postgres(data_dir) as url:
            migrate(url)
            stage = asyncio.run(prepare(url))
            ours = measure_ours(data_dir, stage)
            baseline = measure_pgbench(url, stage, Path(folder))
    failed = {status: n for status, n in ours.statuses.items() if status != 200}
    value = ours.per_second(200)
    result = {
        "name": "redeem_spread",
        "value": round(value),
        "baseline": round(baseline),
        "ratio": round(value / baseline, 3),
        "unit": "redemptions/s",
        "p50_ms": round(ours.p50_ms, 1),
        "p99_ms": round(ours.p99_ms, 1),
        "failed": failed,
    }
    sys.stdout.write(json.dumps(result) + "\n")


async def prepare(url: str) -> Stage:
    """Create project, keys, customers, campaign and vouchers."""
    now = utc_now()
    async with open_database(url) as database:
        setup = await set_up(
            database,
            name="Benchmark",
            currency="USD",
            time_zone="UTC",
            language="en",
            admin_email="bench@example.com",
        )
        assert setup.credentials is not None
        key = setup.credentials.server
        project_id = setup.project.project_id
        async with database.transaction(project_id) as tx:
            customers = [
                (await upsert_customer(tx, CustomerDraft(source_id=f"c-{n}"), now=now)).id
                for n in range(CUSTOMERS)
            ]
            draft = CampaignDraft(
                name="Spread", offer=OFFER, budget_minor=10**12, per_customer_cap=10**6
            )
            campaign = await create_campaign(tx, draft, now=now)
            ids = await issue_vouchers(tx, campaign.id, VOUCHERS, now=now)
            cursor = await tx.execute("select code from voucher where id = any(%s)", (ids,))
            codes = [row[0] for row in await cursor.fetchall()]
    headers = {"X-App-Id": key.app_id, "X-App-Token": key.token}
    return Stage(project_id, headers, campaign.id, codes, customers)


def measure_ours(data_dir: Path, stage: Stage) -> LoadReport:
    """Serve the folder and redeem over HTTP; half of the codes are kept for the baseline."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "kaquan", "serve", "--no-worker"]
    environment = os.environ | {"KAQUAN_LOG_LEVEL": "error"}
    server = subprocess.Popen(
        [*command, "--data-dir", str(data_dir), "--port", str(port)], env=environment
    )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/readyz")
        codes = itertools.cycle(stage.codes[: VOUCHERS // 2])
        customers = itertools.cycle(stage.customers)
        remaining = VOUCHERS // 2

        def next_request() -> bytes | None:
            nonlocal remaining
            remaining -= 1
            if remaining < 0:
                return None
            body = {
                "redeemables": [{"object": "voucher", "id": next(codes)}],
                "customer": {"id": next(customers)},
                "order": {"items": ITEMS},
            }
            return raw_post(
                "/v1/redemptions", headers=stage.headers, body=msgspec.json.encode(body)
            )

        load = drive(
            "127.0.0.1", port, connections=CONNECTIONS, seconds=SECONDS, next_request=next_request
        )
        return asyncio.run(load)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)


def wait_until_ready(address: str) -> None:
    """Return when the server answers; fail after half a minute."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if httpx.get(address).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    message = "the server did not become ready"
    raise RuntimeError(message)


def measure_pgbench(url: str, stage: Stage, folder: Path) -> float:
    """Return the transactions per second of the same reads and writes by pgbench."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set search_path = kaquan")
        project = connection.execute(
            "select set_config('kaquan.project_id', %s, false)", (str(stage.project_id),)
        )
        assert project.fetchone()
        sample = connection.execute(
            "select trace::text from redemption where result = 'SUCCESS' limit 1"
        ).fetchone()
        assert sample is not None
        connection.execute("create table bench_trace (trace jsonb)")
        connection.execute("insert into bench_trace values (%s::jsonb)", (sample[0],))
        connection.execute("create table bench_code (n serial primary key, code text)")
        connection.execute("create table bench_customer (n serial primary key, id text)")
        for code in stage.codes[VOUCHERS // 2 :]:
            connection.execute("insert into bench_code (code) values (%s)", (code,))
        for customer in stage.customers:
            connection.execute("insert into bench_customer (id) values (%s)", (customer,))
        connection.execute("create sequence bench_turn")
        connection.execute("grant all on all tables in schema kaquan to kaquan_app")
        connection.execute("grant all on all sequences in schema kaquan to kaquan_app")
        connection.execute("vacuum analyze")
    script = folder / "redeem.sql"
    script.write_text(SCRIPT.format(project_id=stage.project_id))
    command = [str(binary("pgbench")), "-n", "-M", "prepared", "-f", str(script)]
    command += ["-c", str(CLIENTS), "-j", "2", "-T", str(SECONDS), url]
    options = "-c role=kaquan_app -c search_path=kaquan"
    done = subprocess.run(
        command,
        env=os.environ | {"PGOPTIONS": options},
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    line = next(line for line in done.stdout.splitlines() if line.startswith("tps"))
    return float(line.split()[2])


SCRIPT = """
select nextval('bench_turn') as turn \\gset
begin;
select set_config('kaquan.project_id', '{project_id}', true);
select b.code, 'bench_' || b.n as key from bench_code b where b.n = :turn::int \\gset
select id as customer from bench_customer where n = 1 + :turn::int % 2000 \\gset
select v.id as voucher, v.campaign_id as campaign from voucher v
  join campaign c on c.id = v.campaign_id where v.code = :code \\gset
select id from customer where id = :customer for no key update;
select count(*) from redemption where customer_id = :customer and campaign_id = :campaign
  and result = 'SUCCESS';
select owner, kind, balance, held from account
 where (owner, kind) in ((:voucher, 'uses'), (:campaign, 'budget'),
                         (:campaign::text || '/' || :customer::text, 'customer_uses'))
 order by owner, kind for no key update;
insert into orders (id, customer_id, status, amount_minor, discount_minor, line_product_ids,
  line_source_ids, line_quantities, line_unit_prices, line_amounts, line_discounts, placed_at,
  created_at)
values ('ord_' || :key::text, :customer, 'PAID', 15055, 1505,
  array[null, null, null, null, null]::text[],
  '{{article-1,article-2,article-3,article-4,article-5}}', '{{1,2,3,4,5}}',
  '{{1001,1002,1003,1004,1005}}', '{{1001,2004,3009,4016,5025}}', '{{100,200,301,402,502}}',
  now(), now());
insert into customer_summary as s (customer_id, order_count, spend_minor, first_order_at,
  last_order_at) values (:customer, 1, 13550, now(), now())
on conflict (project_id, customer_id) do update
  set order_count = s.order_count + 1, spend_minor = s.spend_minor + 13550, last_order_at = now();
insert into redemption (id, kind, result, voucher_id, campaign_id, customer_id, order_id, channel,
  discount_minor, order_amount_minor, allocation, trace, created_at)
select 'r_' || :key::text, 'redemption', 'SUCCESS', :voucher, :campaign, :customer,
  'ord_' || :key::text, 'API', 1505, 15055, '{{100,200,301,402,502}}', trace, now() from bench_trace;
insert into transfer (from_owner, to_owner, kind, amount, cause, cause_id, at) values
  (:voucher, '@redeemed', 'uses', 1, 'redeem', 'r_' || :key::text, now()),
  (:campaign, '@redeemed', 'budget', 1505, 'redeem', 'r_' || :key::text, now());
commit;
"""

if __name__ == "__main__":
    main()
