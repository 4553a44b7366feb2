"""Sources: the shop systems that post to us, how they sign, and what their posts mean."""

import secrets
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, structs

from kaquan.connectors.model import Mapping, Signing, Source, SourceDraft, SourceKind
from kaquan.connectors.objects import check_mapping
from kaquan.connectors.presets import read_preset
from kaquan.connectors.signatures import check_public_keys
from kaquan.connectors.store.sources import (
    delete_source_row,
    get_source,
    insert_source,
    list_sources,
    update_source_row,
)
from kaquan.runtime import InvalidInput, Tx, check_name, check_text

MOST_SOURCES = 100
LARGEST_MAPPING = 64 * 1024
_ID_BYTES = 16
_LONGEST_KEYS = 20_000


async def create_source(tx: Tx, kind: SourceKind, draft: SourceDraft, *, now: datetime) -> Source:
    """Add a source; signing and mapping are its kind's unless the draft says otherwise.

    Raises InvalidInput naming what is wrong, also when a project has as many as it may.
    """
    if not isinstance(draft.name, str):
        raise InvalidInput("A source needs a name.", field="name")
    if (await list_sources(tx, limit=1)).total >= MOST_SOURCES:
        message = f"A project has {MOST_SOURCES} sources at most."
        raise InvalidInput(message, field="", key="too_many_sources")
    preset = read_preset(kind)
    plain = Source(
        id=f"src_{secrets.token_hex(_ID_BYTES)}",
        name="",
        kind=kind,
        active=True,
        secret=None,
        public_keys=None,
        signing=preset.signing,
        mapping=preset.mapping,
        created_at=now,
    )
    source = _apply(plain, draft)
    await insert_source(tx, source)
    return source


async def update_source(tx: Tx, source_id: str, draft: SourceDraft, *, now: datetime) -> Source:
    """Change what is said of a source; receipts keep what became of them. NotFound, InvalidInput."""
    stored = await get_source(tx, source_id, lock=True)
    source = structs.replace(_apply(stored, draft), updated_at=now)
    await update_source_row(tx, source)
    return source


async def delete_source(tx: Tx, source_id: str) -> None:
    """Drop a source with its receipts; what they brought stays. Raises NotFound."""
    await get_source(tx, source_id, lock=True)
    await delete_source_row(tx, source_id)


def _apply(stored: Source, draft: SourceDraft) -> Source:
    said: dict[str, Any] = {
        name: value for name, value in structs.asdict(draft).items() if value is not UNSET
    }
    if isinstance(draft.name, str):
        said["name"] = check_name(draft.name, "name")
        if not said["name"]:
            raise InvalidInput("A source needs a name.", field="name")
    if isinstance(draft.secret, str) and not 8 <= len(draft.secret) <= 255:
        raise InvalidInput("A secret has 8 to 255 characters.", field="secret")
    if isinstance(draft.secret, str):
        check_text(draft.secret, "secret")
    if isinstance(draft.public_keys, str):
        said["public_keys"] = check_public_keys(
            check_text(draft.public_keys, "public_keys", longest=_LONGEST_KEYS)
        )
    if isinstance(draft.signing, Signing):
        _check_signing(draft.signing)
    if isinstance(draft.mapping, Mapping):
        if len(msgspec.json.encode(draft.mapping)) > LARGEST_MAPPING:
            message = f"A mapping has {LARGEST_MAPPING} bytes of JSON at most."
            raise InvalidInput(message, field="mapping")
        check_mapping(draft.mapping)
    return structs.replace(stored, **said)


def _check_signing(signing: Signing) -> None:
    for name in ("header", "delivery_header", "topic_header"):
        value: str | None = getattr(signing, name)
        if value is not None and not (value.isascii() and value.replace("-", "").isalnum()):
            message = f"'{name}' must be the name of a header."
            raise InvalidInput(message, field=f"signing.{name}")
    if signing.topic_header is None and signing.topic_path is None:
        message = "Say by 'topic_header' or 'topic_path' where the topic is."
        raise InvalidInput(message, field="signing.topic_header")
