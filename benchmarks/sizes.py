"""Whether a benchmark runs at its full size."""

import os

QUICK = os.environ.get("KAQUAN_BENCH_QUICK") == "1"
"""Smaller shops and shorter turns: enough to see that everything works, not to be quoted."""
