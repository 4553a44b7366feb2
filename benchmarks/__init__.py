"""Measurements that print one JSON object a line, as ratios against a baseline of the same run."""
