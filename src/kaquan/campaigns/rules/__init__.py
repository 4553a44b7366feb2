"""Validation rules in the dialect's words: kept as they were said, carried out as conditions."""
