"""Measurements that print one JSON object a line, as ratios against a baseline of the same run."""

import os

from kaquan.runtime import generate_master_key

# The servers that are measured, and the processes that prepare their databases, have the same one.
os.environ.setdefault("KAQUAN_MASTER_KEY", generate_master_key())
