"""``make bench``: run the named benchmarks, or all of them, each in a process of its own.

``--quick`` runs them at small sizes, which shows that they work and nothing more. ``crash`` is no
measurement: it has a target of its own, ``make crash``.
"""

import os
import subprocess
import sys
from pathlib import Path

PARTS = {"load", "stage", "sizes", "redeeming", "crash"}
NAMES = sorted(
    path.stem
    for path in Path(__file__).parent.glob("*.py")
    if not path.stem.startswith("_") and path.stem not in PARTS
)


def main() -> int:
    """Run each benchmark; its JSON lines go to standard output, its notes to standard error."""
    quick = "--quick" in sys.argv
    wanted = [name for name in sys.argv[1:] if name != "--quick"] or NAMES
    unknown = set(wanted) - set(NAMES)
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    failed = [
        name
        for name in wanted
        if subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"],
            check=False,
            env=os.environ | ({"KAQUAN_BENCH_QUICK": "1"} if quick else {}),
        ).returncode
    ]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
