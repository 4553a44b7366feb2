"""The lake: facts copied to Parquet, which metrics and other engines read."""

from kaquan.insight.lake.jobs import compact_project_lake, sync_project_lake
from kaquan.insight.lake.model import SCHEMA, TABLES, Fault, Feed, Kind, LakeFile, Synced
from kaquan.insight.lake.model import arrow_schema as lake_arrow_schema
from kaquan.insight.lake.storage import Storage, lake_of
from kaquan.insight.lake.store import find_feed, list_files
from kaquan.insight.lake.sync import check_lake, compact_lake, sync_lake

__all__ = [
    "SCHEMA",
    "TABLES",
    "Fault",
    "Feed",
    "Kind",
    "LakeFile",
    "Storage",
    "Synced",
    "check_lake",
    "compact_lake",
    "compact_project_lake",
    "find_feed",
    "lake_arrow_schema",
    "lake_of",
    "list_files",
    "sync_lake",
    "sync_project_lake",
]
