"""What other systems tell: the tracking API's messages, and what shop systems post."""

from kaquan.connectors.jobs import forget_old_receipts
from kaquan.connectors.model import (
    Applied,
    BadSignature,
    Mapping,
    Receipt,
    ReceiptStatus,
    Signing,
    Source,
    SourceDraft,
    SourceKind,
)
from kaquan.connectors.presets import Preset, read_preset
from kaquan.connectors.receive import keep_rejects, process_again, receive_delivery
from kaquan.connectors.sources import create_source, delete_source, update_source
from kaquan.connectors.store.sources import (
    RECEIPT_FILTERS,
    find_source_project,
    get_receipt,
    get_source,
    list_receipts,
    list_sources,
    note_refusal,
)
from kaquan.connectors.store.visits import Cart, SeenProduct, list_carts, list_seen
from kaquan.connectors.tracking.message import (
    LARGEST_BATCH,
    LARGEST_MESSAGE,
    MOST_MESSAGES,
    Message,
    MessageType,
    read_message,
    read_sent_at,
)
from kaquan.connectors.tracking.track import TrackResult, may_share, receive_messages

__all__ = [
    "LARGEST_BATCH",
    "LARGEST_MESSAGE",
    "MOST_MESSAGES",
    "RECEIPT_FILTERS",
    "Applied",
    "BadSignature",
    "Cart",
    "Mapping",
    "Message",
    "MessageType",
    "Preset",
    "Receipt",
    "ReceiptStatus",
    "SeenProduct",
    "Signing",
    "Source",
    "SourceDraft",
    "SourceKind",
    "TrackResult",
    "create_source",
    "delete_source",
    "find_source_project",
    "forget_old_receipts",
    "get_receipt",
    "get_source",
    "keep_rejects",
    "list_carts",
    "list_receipts",
    "list_seen",
    "list_sources",
    "may_share",
    "note_refusal",
    "process_again",
    "read_message",
    "read_preset",
    "read_sent_at",
    "receive_delivery",
    "receive_messages",
    "update_source",
]
