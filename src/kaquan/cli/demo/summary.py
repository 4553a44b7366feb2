"""What the demo did, in figures, and what to try on it."""

import json
from collections import Counter
from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kaquan.campaigns import find_campaign, get_voucher, wallet_token
from kaquan.cli.demo.autumn import NAME as MEASURED
from kaquan.cli.demo.comeback import HOLDOUT_BPS, NAME
from kaquan.cli.demo.model import DemoAccess, DemoState, Figures, StepReport
from kaquan.cli.demo.proof import Proof, read_proof
from kaquan.cli.demo.replay import REFUSED
from kaquan.cli.demo.store import Sample, find_sample, find_state
from kaquan.cli.demo.telling import CURRENCY, proof_table, tell_doubles, tell_proof
from kaquan.ledger import check_ledger, count_ledger
from kaquan.outreach import wallet_url
from kaquan.runtime import Database, Unavailable, format_money, utc_now

_TITLES = {
    "goods": "Products",
    "stores": "Stores",
    "households": "Households",
    "baskets": "Order lines",
    "mailings": "Coupon booklets mailed in 2017",
    "redemptions": "Coupons used in 2017, replayed",
    "scores": "Households scored (RFM)",
    "segments": "Segments",
    "comeback": f"Households in the campaign '{NAME}'",
    "autumn": f"Households in the measured campaign '{MEASURED}'",
    "answers": "Simulated uses of its coupons",
    "doubles": "People made up to be entered twice, or nearly",
}


async def print_summary(
    database: Database, project_id: int, *, access: DemoAccess, console: Console
) -> None:
    """Print the table of steps, what became of coupons, the ledger's verdict, and what to try.

    Raises Unavailable when the ledger is not clean: then nothing here is to be trusted.
    """
    async with database.transaction(project_id) as tx:
        state = await find_state(tx)
        assert state is not None
        campaign = await find_campaign(tx, NAME)
        assert campaign is not None
        sample = await find_sample(tx, campaign.id)
        link = None
        if sample is not None:
            voucher = await get_voucher(tx, sample.code)
            link = wallet_url(access.address, await wallet_token(tx, voucher))
    async with database.snapshot(project_id) as tx:
        wrong = await check_ledger(tx)
        accounts, transfers = await count_ledger(tx)
        proof = await read_proof(tx, now=utc_now())
    if wrong:
        message = f"The ledger check found {len(wrong)} discrepancies; run: kaquan ledger check"
        raise Unavailable(message)
    ledger = (
        f"{accounts:,} accounts, {transfers:,} transfers; "
        "every balance is the sum of its transfers."
    )
    console.print(_table(state))
    console.print(_grid({**_findings(state), "Ledger": ledger}))
    console.print()
    console.print(proof_table(proof))
    console.print(_grid(tell_proof(proof, state.steps["answers"])))
    _print_ways(console, access, campaign_id=campaign.id, proof=proof, sample=sample, link=link)


def _table(state: DemoState) -> Table:
    table = Table("What", title="Complete Journey: a grocer's year", title_justify="left")
    for heading in ("rows", "seconds", "rows/s"):
        table.add_column(heading, justify="right")
    for name, title in _TITLES.items():
        report = state.steps[name]
        table.add_row(
            title,
            f"{report.rows:,}",
            f"{report.seconds:,.1f}",
            f"{report.rows / max(report.seconds, 0.001):,.0f}",
        )
    return table


def _grid(findings: Mapping[str, str]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column()
    grid.add_column(overflow="fold")  # Chinese has no spaces to break at.
    for subject, text in findings.items():
        grid.add_row(f"[bold]{subject}[/]", escape(text))
    return grid


def _findings(state: DemoState) -> dict[str, str]:
    baskets, sent = state.steps["baskets"], state.steps["comeback"]
    return {
        "Orders": (
            f"{baskets.figures['orders']:,}, with {baskets.rows:,} lines. Left out: "
            f"{baskets.figures['notes']:,} rows that are only notes of the till, and "
            f"{baskets.figures['empty_baskets']:,} visits of nothing else."
        ),
        **_replay_findings(state.steps["redemptions"]),
        NAME: (
            f"of {sent.rows:,} lapsing but valuable households {sent.figures['published']:,} got a "
            f"coupon made to measure and {sent.figures['held_out']:,} got nothing on purpose "
            f"(each with a chance of {HOLDOUT_BPS // 100} %). "
            f"{sent.figures['messages']:,} messages are in the outbox; "
            f"the budget is {_money(sent.figures['budget_minor'])}."
        ),
        "Entered twice": tell_doubles(state.steps["doubles"]),
    }


def _replay_findings(report: StepReport) -> dict[str, str]:
    figures = Counter(report.figures)
    refused = _refused(report.figures)
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in refused.items())
    return {
        "Redeemed again": (
            f"{figures['redeemed']:,} of {report.rows:,} coupons used in 2017, "
            f"worth {_money(figures['discount_minor'])}. Values found: {figures['value: till']:,} "
            f"at the till, {figures['value: printed']:,} printed on the coupon, "
            f"{figures['value: card']:,} estimated from the card discount; "
            f"{figures['value: none']:,} not to be found, booked with nothing off."
        ),
        "Refused": f"{sum(refused.values()):,}, kept as failed attempts: {reasons or 'none'}.",
    }


def _refused(figures: Figures) -> Figures:
    return {
        name.removeprefix(REFUSED): count
        for name, count in figures.items()
        if name.startswith(REFUSED)
    }


def _print_ways(
    console: Console,
    access: DemoAccess,
    *,
    campaign_id: str,
    proof: Proof,
    sample: Sample | None,
    link: str | None,
) -> None:
    console_of = f"{access.address}/console"
    experiments = f"{console_of}/experiments"
    against = f"{proof.results.experiment.id}?control={proof.results.control}"
    rehearsed = f"{proof.rehearsal.experiment.id}?control={proof.rehearsal.control}"
    ways = [
        f"See the campaign and its holdout: {console_of}/campaigns/{campaign_id}",
        f"See what the measured campaign earned: {console_of}/campaigns/{proof.campaign.id}",
        f"See each coupon against the held-out: {experiments}/{against}",
        f"See the two weeks before, when nothing was given (A/A): {experiments}/{rehearsed}",
        f"Decide who was entered twice: {console_of}/customers/duplicates",
    ]
    if sample is not None and link is not None:
        till = f"at the till: {access.address}/staff"
        ways += [
            f"Open {sample.name}'s coupon as they see it, with its QR code: {link}",
            f"Redeem it, code {sample.code}, {till}\n   or by the API: {_curl(access, sample)}",
        ]
    lines = [f"{number}. {way}" for number, way in enumerate(ways, start=1)]
    console.print("\nThings to try", style="bold")
    # Whole lines, however narrow the window: they are there to be copied.
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"\nConsole: {access.address}   sign in as {access.email}   password: {access.password}",
        style="bold",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _curl(access: DemoAccess, sample: Sample) -> str:
    body = {
        "redeemables": [{"object": "voucher", "id": sample.code}],
        "customer": {"source_id": sample.source_id},
        "order": {"amount": sample.spend_minor},
    }
    return (
        f"curl {access.address}/v1/redemptions -H 'X-App-Id: {access.app_id}'"
        f" -H 'X-App-Token: {access.app_token}' -H 'Content-Type: application/json'"
        f" -d '{json.dumps(body)}'"
    )


def _money(amount_minor: int) -> str:
    return format_money(amount_minor, currency=CURRENCY, language="en")
