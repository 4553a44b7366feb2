"""``python -m benchmarks.intelligence [PART …] [--data FOLDER]``: tables, on standard output.

Parts: ``hillstrom`` (value–spend frontiers), ``uplift`` (Qini on ten splits), ``null`` (permuted
arms), ``truth`` (simulated dose curves), ``rewards`` (redemption by face value), ``propensity``
(next purchase and redemption on Complete Journey). All when none is named. Every part prints its seed and says when its data is not there; it ends with one line of JSON
that has the table's rows and the seconds it took. How far a part has got is on standard error.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from benchmarks.intelligence import frontier, nulls, propensity, rewards, splits, truth

PARTS = {
    "hillstrom": frontier.run,
    "uplift": splits.run,
    "rewards": rewards.run,
    "propensity": propensity.run,
    "truth": truth.run,
    "null": nulls.run,
}
DATA = Path(__file__).parents[3] / "shared" / "data"


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intelligence")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the data sets")
    parser.add_argument(
        "--rounds", type=int, help="permutations, simulations, splits or cases: fewer than usual"
    )
    options = parser.parse_args()
    for name in options.parts or PARTS:
        print(f"\n## {name}", flush=True)
        started = time.perf_counter()
        rows = PARTS[name](options.data, options.rounds)
        seconds = round(time.perf_counter() - started, 1)
        told = {"name": name, "seconds": seconds, "rounds": options.rounds, "rows": rows}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    sys.exit(main())
