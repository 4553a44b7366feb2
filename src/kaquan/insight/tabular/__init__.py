"""Plain files of any sensible shape: reading them, and features from what is in them."""

from kaquan.insight.tabular.features import (
    FeaturePlan,
    find_person,
    is_identifier,
    learn_features,
    read_numbers,
)
from kaquan.insight.tabular.table import Column, Table, make_column, read_csv
from kaquan.insight.tabular.texts import (
    is_missing,
    read_decimal_comma,
    read_grouped,
    read_plain,
    read_yes_no,
)

__all__ = [
    "Column",
    "FeaturePlan",
    "Table",
    "find_person",
    "is_identifier",
    "is_missing",
    "learn_features",
    "make_column",
    "read_csv",
    "read_decimal_comma",
    "read_grouped",
    "read_numbers",
    "read_plain",
    "read_yes_no",
]
