"""What the parts tell: figures as rows for the JSON line, and how far a long one has got."""

import sys
from typing import TypeAlias

Row: TypeAlias = dict[str, str | float | None]
"""A line of a part's table by column."""


def report_progress(what: str, done: int, total: int) -> None:
    """Say on standard error how far a part has got, twenty times at most."""
    if done == total or done % max(total // 20, 1) == 0:
        print(f"{what}: {done} of {total}", file=sys.stderr, flush=True)
