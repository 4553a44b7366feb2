"""``PYTHONPATH=tests python -m simulation --seed 7 --steps 100000``: a run for as long as wanted."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from kaquan.runtime import embedded_postgres, generate_master_key, migrate, open_database
from simulation.run import Diverged, Report, Simulation


def main() -> int:
    """Run; prints the seed first, and one line of JSON or the last steps in the end."""
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--steps", type=int, default=20_000)
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.steps} steps", file=sys.stderr, flush=True)
    os.environ.setdefault("KAQUAN_MASTER_KEY", generate_master_key())
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with embedded_postgres(Path(folder), durable=False) as url:
            migrate(url)
            try:
                report = asyncio.run(_run(url, options.seed, options.steps))
            except Diverged as difference:
                print(difference, file=sys.stderr)
                return 1
    figures = {
        "name": "simulate",
        "seed": report.seed,
        "steps": report.steps,
        "crashes": report.crashes,
        "repetitions": report.repetitions,
        "comparisons": report.comparisons,
        "seconds": round(time.monotonic() - began, 1),
        "digest": report.digest[:16],
        "outcomes": report.outcomes,
    }
    print(json.dumps(figures))
    return 0


async def _run(url: str, seed: int, steps: int) -> Report:
    async with open_database(url, pool_size=4) as database:
        return await Simulation(database, seed=seed).run(steps)


if __name__ == "__main__":
    sys.exit(main())
