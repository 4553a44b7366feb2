"""Rewards on the wire, which programmes offer them, and what points were given for."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.customer_views import SimpleCustomer
from kaquan.api.loyalty_rule_views import view_number
from kaquan.api.problems import NotSupported
from kaquan.api.products import ProductView
from kaquan.api.sku_views import SkuView
from kaquan.api.values import Address, Count, Identifier, LongText, Metadata, Minor, merge_metadata
from kaquan.api.voucher_views import VoucherView
from kaquan.loyalty import (
    OfferedReward,
    Reward,
    RewardAssignment,
    RewardChange,
    RewardDraft,
    RewardKind,
)
from kaquan.runtime import InvalidInput

RatioText = Annotated[str, Meta(pattern=r"^[0-9]{1,10}$")]


class CampaignParameter(msgspec.Struct, frozen=True, kw_only=True):
    """The campaign whose voucher is given, and what its card starts with besides."""

    id: Identifier | None = None
    balance: Count | None = None


class ProductParameter(msgspec.Struct, frozen=True, kw_only=True):
    """The goods that are given."""

    id: Identifier | None = None
    sku_id: Identifier | None = None


class CoinParameter(msgspec.Struct, frozen=True, kw_only=True):
    """``points_ratio`` points are worth ``exchange_ratio`` of the project's currency."""

    exchange_ratio: Decimal | None = None
    points_ratio: Count | RatioText | None = None


class ParametersBody(msgspec.Struct, frozen=True, kw_only=True):
    """What the reward is: one of these."""

    campaign: CampaignParameter | None = None
    product: ProductParameter | None = None
    coin: CoinParameter | None = None


class AttributesBody(msgspec.Struct, frozen=True, kw_only=True):
    """How the reward is shown."""

    image_url: Address | UnsetType | None = UNSET
    description: LongText | UnsetType | None = UNSET


class RewardBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says about a reward; a member left out stays, null empties it."""

    name: Identifier | None = None
    parameters: ParametersBody | None = None
    stock: Minor | UnsetType | None = UNSET
    attributes: AttributesBody | None = None
    metadata: Metadata | UnsetType | None = UNSET


class RewardView(msgspec.Struct, frozen=True, kw_only=True):
    """A reward as answered; ``redeemed`` of the ``stock`` were given."""

    id: str
    name: str
    stock: int | None
    redeemed: int
    attributes: dict[str, str]
    metadata: Metadata
    type: RewardKind
    parameters: dict[str, dict[str, Any]]
    created_at: datetime
    updated_at: datetime | None
    object: Literal["reward"] = "reward"


class RewardList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the rewards."""

    data: list[RewardView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class PriceBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a reward costs; it is never given without being asked for."""

    points: Count | None = None
    auto_redeem: bool = False


class PricesBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a reward costs in a loyalty programme."""

    loyalty: PriceBody | None = None


class AssignmentBody(msgspec.Struct, frozen=True, kw_only=True):
    """Which programme offers which reward, for what."""

    campaign: Identifier | None = None
    reward: Identifier | None = None
    parameters: PricesBody | None = None
    validation_rules: list[Identifier] = []


class PriceView(msgspec.Struct, frozen=True):
    """What a reward costs; without points as many as are paid with."""

    points: int | UnsetType
    auto_redeem: Literal[False] = False


class PricesView(msgspec.Struct, frozen=True):
    """What a reward costs in a loyalty programme."""

    loyalty: PriceView


class AssignmentView(msgspec.Struct, frozen=True, kw_only=True):
    """That a programme offers a reward."""

    id: str
    reward_id: str
    related_object_id: str
    parameters: PricesView
    created_at: datetime
    updated_at: datetime | None
    related_object_type: Literal["campaign"] = "campaign"
    object: Literal["reward_assignment"] = "reward_assignment"


class AssignmentList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the assignments."""

    data: list[AssignmentView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class OfferedView(msgspec.Struct, frozen=True, kw_only=True):
    """A reward as it can be had, at the price that holds."""

    reward: RewardView
    assignment: AssignmentView
    object: Literal["loyalty_reward", "loyalty_tier_reward"]


class OfferedList(msgspec.Struct, frozen=True, kw_only=True):
    """The rewards that can be had."""

    data: list[OfferedView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class GivenReward(msgspec.Struct, frozen=True, kw_only=True):
    """A reward as it was given, with what it consisted of; of a deleted one little is left."""

    id: str
    name: str
    type: RewardKind
    assignment_id: str
    customer: SimpleCustomer | UnsetType = UNSET
    parameters: dict[str, dict[str, Any]]
    metadata: Metadata
    created_at: datetime | UnsetType = UNSET
    updated_at: datetime | UnsetType | None = UNSET
    loyalty_tier_id: str | UnsetType = UNSET
    voucher: VoucherView | UnsetType = UNSET
    product: ProductView | UnsetType = UNSET
    sku: SkuView | UnsetType = UNSET
    object: Literal["reward"] = "reward"


def view_reward(reward: Reward) -> RewardView:
    """Map a reward to the wire."""
    shown = (("image_url", reward.image_url), ("description", reward.description))
    return RewardView(
        id=reward.id,
        name=reward.name,
        stock=reward.stock,
        redeemed=reward.redeemed,
        attributes={name: value for name, value in shown if value is not None},
        metadata=reward.metadata,
        type=reward.kind,
        parameters=view_parameters(reward),
        created_at=reward.created_at,
        updated_at=reward.updated_at,
    )


def view_parameters(reward: Reward) -> dict[str, dict[str, Any]]:
    """Map what a reward is to the wire."""
    match reward.kind:
        case RewardKind.CAMPAIGN:
            campaign: dict[str, Any] = {"id": reward.campaign_id, "type": reward.campaign_kind}
            if reward.balance is not None:
                campaign["balance"] = reward.balance
            return {"campaign": campaign}
        case RewardKind.MATERIAL:
            return {"product": {"id": reward.product_id, "sku_id": reward.sku_id}}
        case RewardKind.COIN:
            assert reward.exchange_ratio is not None
            worth = view_number(reward.exchange_ratio)
            return {"coin": {"exchange_ratio": worth, "points_ratio": reward.points_ratio}}


def draft_reward(body: RewardBody) -> RewardDraft:
    """Map what a caller says of a new reward. Raises InvalidInput."""
    if body.name is None:
        raise InvalidInput("A reward needs a name.", field="name")
    parameters = body.parameters or ParametersBody()
    campaign = parameters.campaign or CampaignParameter()
    product = parameters.product or ProductParameter()
    coin = parameters.coin or CoinParameter()
    attributes = body.attributes or AttributesBody()
    return RewardDraft(
        name=body.name,
        campaign_id=campaign.id,
        balance=campaign.balance,
        product_id=product.id,
        sku_id=product.sku_id,
        exchange_ratio=coin.exchange_ratio,
        points_ratio=None if coin.points_ratio is None else int(coin.points_ratio),
        stock=None if isinstance(body.stock, UnsetType) else body.stock,
        image_url=attributes.image_url or None,
        description=attributes.description or None,
        metadata=merge_metadata({}, body.metadata),
    )


def draft_reward_change(body: RewardBody, known: Reward) -> RewardChange:
    """Map what a caller says of a reward that is there."""
    parameters = body.parameters or ParametersBody()
    campaign, product, coin = parameters.campaign, parameters.product, parameters.coin
    attributes = body.attributes or AttributesBody()
    ratio = None if coin is None else coin.points_ratio
    return RewardChange(
        name=body.name or UNSET,
        campaign_id=UNSET if campaign is None else campaign.id or UNSET,
        balance=UNSET if campaign is None else campaign.balance or UNSET,
        product_id=UNSET if product is None else product.id or UNSET,
        sku_id=UNSET if product is None else product.sku_id,
        exchange_ratio=UNSET if coin is None else coin.exchange_ratio or UNSET,
        points_ratio=UNSET if ratio is None else int(ratio),
        stock=body.stock,
        image_url=attributes.image_url,
        description=attributes.description,
        metadata=merge_metadata(known.metadata, body.metadata),
    )


def read_price(body: AssignmentBody, *, field: str = "") -> int | None:
    """Read what a reward shall cost. Raises NotSupported."""
    price = PriceBody() if body.parameters is None else body.parameters.loyalty or PriceBody()
    if body.validation_rules:
        message = "Rules for rewards are not supported yet."
        raise NotSupported(message, field=f"{field}validation_rules")
    if price.auto_redeem:
        message = "Rewards that are given by themselves are not supported yet."
        raise NotSupported(message, field=f"{field}parameters.loyalty.auto_redeem")
    return price.points


def view_assignment(assignment: RewardAssignment, *, points: int | None = None) -> AssignmentView:
    """Map an assignment to the wire, with another price if one holds."""
    price = assignment.points if points is None else points
    return AssignmentView(
        id=assignment.id,
        reward_id=assignment.reward_id,
        related_object_id=assignment.campaign_id,
        parameters=PricesView(PriceView(UNSET if price is None else price)),
        created_at=assignment.created_at,
        updated_at=assignment.updated_at,
    )


def view_offered(
    offered: list[OfferedReward], kind: Literal["loyalty_reward", "loyalty_tier_reward"]
) -> OfferedList:
    """Map rewards that can be had to the wire."""
    return OfferedList(
        data=[
            OfferedView(
                reward=view_reward(one.reward),
                assignment=view_assignment(one.assignment, points=one.points),
                object=kind,
            )
            for one in offered
        ],
        total=len(offered),
    )
