"""Audiences: rules over what is known of customers, their members, and RFM bands."""

from kaquan.segments.attributes import (
    ATTRIBUTES,
    METADATA,
    METADATA_PREFIX,
    OPERATORS,
    Attribute,
    Operator,
    ValueKind,
)
from kaquan.segments.audience import (
    SegmentInUse,
    check_definition,
    create_segment,
    delete_segment,
    evaluate_segment,
    replace_listed_members,
    segment_ids_of,
    update_segment,
)
from kaquan.segments.deeds import DEEDS, DeedKind, DeedType, Measure
from kaquan.segments.engines import (
    Engine,
    EngineMissing,
    match_on_copy,
    open_copy,
    query_copy,
    tables_asked,
)
from kaquan.segments.explain import Explanation, explain_membership
from kaquan.segments.instant import Instant
from kaquan.segments.jobs import keep_all_members, score_at_night
from kaquan.segments.lake import extract_tables
from kaquan.segments.model import (
    Aggregate,
    AllOf,
    Anniversary,
    AnyOf,
    Comparison,
    Consented,
    InSegment,
    Leaf,
    Listed,
    NotOf,
    RfmBand,
    RfmScore,
    Rule,
    Sample,
    Segment,
    SegmentChange,
    SegmentKind,
)
from kaquan.segments.parse import parse_definition
from kaquan.segments.predictions import record_predictions
from kaquan.segments.preview import (
    AudienceCount,
    Overlap,
    count_audience,
    list_audience,
    measure_overlap,
    preview_count,
    sample_audience,
)
from kaquan.segments.references import rules_reachable
from kaquan.segments.rfm import BAND_GRID, RFM_BANDS, band_of, score_rfm
from kaquan.segments.schema import definition_schema
from kaquan.segments.store.changes import list_segment_changes
from kaquan.segments.store.members import count_members, list_member_ids
from kaquan.segments.store.scores import count_bands, find_score, list_prediction_names
from kaquan.segments.store.segments import (
    count_segments,
    find_segment,
    get_segment,
    list_segments,
)
from kaquan.segments.upkeep import Kept, keep_members, refresh_membership
from kaquan.segments.words import Wording, describe_leaf

__all__ = [
    "ATTRIBUTES",
    "BAND_GRID",
    "DEEDS",
    "METADATA",
    "METADATA_PREFIX",
    "OPERATORS",
    "RFM_BANDS",
    "Aggregate",
    "AllOf",
    "Anniversary",
    "AnyOf",
    "Attribute",
    "AudienceCount",
    "Comparison",
    "Consented",
    "DeedKind",
    "DeedType",
    "Engine",
    "EngineMissing",
    "Explanation",
    "InSegment",
    "Instant",
    "Kept",
    "Leaf",
    "Listed",
    "Measure",
    "NotOf",
    "Operator",
    "Overlap",
    "RfmBand",
    "RfmScore",
    "Rule",
    "Sample",
    "Segment",
    "SegmentChange",
    "SegmentInUse",
    "SegmentKind",
    "ValueKind",
    "Wording",
    "band_of",
    "check_definition",
    "count_audience",
    "count_bands",
    "count_members",
    "count_segments",
    "create_segment",
    "definition_schema",
    "delete_segment",
    "describe_leaf",
    "evaluate_segment",
    "explain_membership",
    "extract_tables",
    "find_score",
    "find_segment",
    "get_segment",
    "keep_all_members",
    "keep_members",
    "list_audience",
    "list_member_ids",
    "list_prediction_names",
    "list_segment_changes",
    "list_segments",
    "match_on_copy",
    "measure_overlap",
    "open_copy",
    "parse_definition",
    "preview_count",
    "query_copy",
    "record_predictions",
    "refresh_membership",
    "replace_listed_members",
    "rules_reachable",
    "sample_audience",
    "score_at_night",
    "score_rfm",
    "segment_ids_of",
    "tables_asked",
    "update_segment",
]
