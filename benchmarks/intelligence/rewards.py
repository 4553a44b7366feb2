"""Redemption and cost by face value in the rewards data: 76,277 offers sent in six waves."""

from pathlib import Path

import numpy as np

from benchmarks.intelligence.told import Row
from kaquan.insight.allocation import estimate
from kaquan.insight.tabular import Column, Table, make_column, read_csv, read_numbers, read_plain
from kaquan.insight.uplift import Floats, Ints

FILES = ("train_v3_starbucks.csv.gz", "test_v3_starbucks.csv.gz")
KEY = ("customer_id", "offer_id", "offer_received_time")


def run(data: Path, rounds: int | None) -> list[Row]:
    """Print, by face value and threshold, the share redeemed and what an offer sent costs.

    Only what was known of the offer itself is used: the file's totals per customer cover the whole
    period. Intervals count a customer once, however many offers he got. Informational offers,
    which cannot be redeemed, are left out.
    """
    del rounds
    folder = data / "starbucks_rewards"
    if not all((folder / name).exists() for name in FILES):
        print(f"Skipped: there is no {folder / FILES[0]}.")
        return []
    tables = [read_csv(folder / name) for name in FILES]
    texts = {name: _numbered(tables, name) for name in KEY}
    _, first = np.unique(np.stack(list(texts.values()), axis=1), axis=0, return_index=True)
    numbers = {
        name: np.concatenate([_numbers(table.columns[name]) for table in tables])[first]
        for name in ("reward", "difficulty", "offer_completed", "type_informational")
    }
    _, customer = np.unique(texts["customer_id"][first], return_inverse=True)
    print(
        f"{len(first):,} offers sent to {customer.max() + 1:,} customers; no seed: nothing is drawn"
    )
    print(
        f"{'reward':>6} {'from':>5} {'sent':>7} {'redeemed':>9} {'95 %':>17} {'cost per offer':>15}"
    )
    offers = np.stack([numbers["reward"], numbers["difficulty"]], axis=1)
    redeemable = numbers["type_informational"] == 0
    told: list[Row] = []
    for reward, difficulty in np.unique(offers[redeemable], axis=0).tolist():
        rows = redeemable & (offers == (reward, difficulty)).all(axis=1)
        completed = numbers["offer_completed"][rows]
        told.append(_print_offer(reward, difficulty, completed, customer=customer[rows]))
    return told


def _print_offer(reward: float, difficulty: float, redeemed: Floats, *, customer: Ints) -> Row:
    share = estimate(redeemed, customer=customer)
    print(
        f"{reward:>6g} {difficulty:>5g} {len(redeemed):>7,} {share.value:>9.2%}"
        f" {share.low:>8.2%}–{share.high:.2%} {reward * share.value:>15.3f}"
    )
    return {
        "reward": reward,
        "from": difficulty,
        "sent": len(redeemed),
        "redeemed": share.value,
        "low": share.low,
        "high": share.high,
        "cost_per_offer": reward * share.value,
    }


def _numbered(tables: list[Table], name: str) -> Ints:
    """The files' texts of a column together, each text as a number."""
    texts = [text for table in tables for text in table.columns[name].texts()]
    return make_column(name, texts).codes


def _numbers(column: Column) -> Floats:
    return read_numbers(column, [read_plain])[0]
