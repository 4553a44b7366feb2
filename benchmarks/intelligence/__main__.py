"""``python -m benchmarks.intelligence [PART …] [--data FOLDER]``: tables, on standard output.

Parts: ``hillstrom`` (value–spend frontiers), ``uplift`` (Qini on ten splits), ``null`` (permuted
arms), ``truth`` (simulated dose curves), ``rewards`` (redemption by face value). All when none is
named. Every part prints its seed and says when its data is not there.
"""

import argparse
import sys
import time
from pathlib import Path

from benchmarks.intelligence import frontier, nulls, rewards, splits, truth

PARTS = {
    "hillstrom": frontier.run,
    "uplift": splits.run,
    "rewards": rewards.run,
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
        "--rounds", type=int, help="permutations, or simulations, of null and truth"
    )
    options = parser.parse_args()
    for name in options.parts or PARTS:
        print(f"\n## {name}", flush=True)
        started = time.perf_counter()
        PARTS[name](options.data, options.rounds)
        print(f"({time.perf_counter() - started:.0f} s)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
