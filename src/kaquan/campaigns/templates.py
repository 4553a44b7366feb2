"""Keeping what a campaign or a tier is like, to start others from."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.campaigns.checks import check_title
from kaquan.campaigns.model import CampaignKind
from kaquan.campaigns.store.templates import (
    CampaignTemplate,
    get_template,
    insert_template,
    update_template_row,
)
from kaquan.runtime import InvalidInput, Tx, check_metadata, check_text, new_id

LARGEST_BYTES = 4 * 1024 * 1024
KINDS = (CampaignKind.DISCOUNT_COUPONS, CampaignKind.GIFT_VOUCHERS)


async def create_template(
    tx: Tx,
    *,
    name: str,
    description: str | None,
    kind: CampaignKind,
    content: dict[str, Any],
    now: datetime,
) -> CampaignTemplate:
    """Keep a template. Raises InvalidInput, also for a kind that nothing can be started as."""
    if kind not in KINDS:
        message = "Templates are made from campaigns of coupons or gift cards, or from tiers."
        raise InvalidInput(message, field="campaign_id", key="invalid_campaign_params")
    template = CampaignTemplate(
        id=new_id("tmpl"),
        name=check_title(name),
        description=check_text(description, "description"),
        campaign_kind=kind,
        content=check_metadata(content, "content", largest=LARGEST_BYTES),
        created_at=now,
        updated_at=None,
    )
    await insert_template(tx, template)
    return template


async def update_template(
    tx: Tx,
    template_id: str,
    *,
    name: str | UnsetType = UNSET,
    description: str | UnsetType | None = UNSET,
    now: datetime,
) -> CampaignTemplate:
    """Rename or describe a template. Raises NotFound, InvalidInput."""
    known = await get_template(tx, template_id, lock=True)
    template = msgspec.structs.replace(
        known,
        name=known.name if isinstance(name, UnsetType) else check_title(name),
        description=known.description
        if isinstance(description, UnsetType)
        else check_text(description, "description"),
        updated_at=now,
    )
    await update_template_row(tx, template)
    return template
