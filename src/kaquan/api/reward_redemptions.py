"""Points that were given for rewards, as answered."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.api.customer_views import SimpleCustomer, view_simple_customer
from kaquan.api.gifts import PointsView
from kaquan.api.orders import OrderView, view_order
from kaquan.api.products import ProductView, view_product
from kaquan.api.redemption_views import ChannelView, RedemptionView
from kaquan.api.reward_views import GivenReward, view_parameters
from kaquan.api.sku_views import SkuView, view_sku
from kaquan.api.voucher_views import VoucherView, load_views
from kaquan.campaigns import list_vouchers_by_id
from kaquan.customers import get_product, get_sku, list_customers, list_orders_by_id
from kaquan.loyalty import Reward, RewardRedemption, list_rewards_by_id
from kaquan.runtime import NotFound, Tx


class _Around(msgspec.Struct, frozen=True, kw_only=True):
    """What redemptions of rewards refer to, by id, as far as it is still there."""

    rewards: dict[str, Reward]
    customers: dict[str, SimpleCustomer]
    vouchers: dict[str, VoucherView]
    orders: dict[str, OrderView]
    products: dict[str, ProductView]
    skus: dict[str, SkuView]


async def load_reward_redemption(tx: Tx, done: RewardRedemption) -> RedemptionView:
    """Map points given for a reward to the wire, with what was given."""
    return (await load_reward_redemptions(tx, [done]))[0]


async def load_reward_redemptions(tx: Tx, done: Sequence[RewardRedemption]) -> list[RedemptionView]:
    """Map points given for rewards to the wire, also of what was deleted since."""
    around = await _gather(tx, done)
    return [_view(one, around) for one in done]


async def _gather(tx: Tx, done: Sequence[RewardRedemption]) -> _Around:
    rewards = await list_rewards_by_id(tx, sorted({one.reward_id for one in done}))
    people = sorted({one.customer_id for one in done})
    customers = (await list_customers(tx, ids=people, limit=max(len(people), 1))).items
    cards = {one.voucher_id for one in done} | {one.given_voucher_id or "" for one in done}
    vouchers = await load_views(tx, await list_vouchers_by_id(tx, sorted(cards - {""})))
    orders = await list_orders_by_id(tx, sorted({one.order_id for one in done if one.order_id}))
    around = _Around(
        rewards={one.id: one for one in rewards},
        customers={one.id: view_simple_customer(one) for one in customers},
        vouchers={one.id: one for one in vouchers},
        orders={one.id: view_order(one) for one in orders},
        products={},
        skus={},
    )
    for reward in rewards:
        try:
            if reward.product_id is not None:
                product = await get_product(tx, reward.product_id)
                around.products[reward.id] = view_product(product)
            if reward.sku_id is not None:
                around.skus[reward.id] = view_sku(await get_sku(tx, reward.sku_id))
        except NotFound:
            continue
    return around


def _view(done: RewardRedemption, around: _Around) -> RedemptionView:
    customer = around.customers.get(done.customer_id, UNSET)
    return RedemptionView(
        id=done.id,
        object="redemption",
        date=done.created_at,
        customer_id=done.customer_id,
        tracking_id=None,
        metadata=done.metadata,
        amount=done.points,
        redemption=None,
        result="SUCCESS",
        status="SUCCEEDED",
        channel=ChannelView("API", "API"),
        customer=customer,
        related_object_type="voucher",
        related_object_id=done.voucher_id,
        reward=_view_given(done, around, customer=customer),
        loyalty_card=PointsView(points=done.points),
        voucher=around.vouchers.get(done.voucher_id, UNSET),
        order=around.orders.get(done.order_id or "", UNSET),
    )


def _view_given(
    done: RewardRedemption, around: _Around, *, customer: SimpleCustomer | UnsetType
) -> GivenReward:
    reward = around.rewards.get(done.reward_id)
    return GivenReward(
        id=done.reward_id,
        name=done.reward_name if reward is None else reward.name,
        type=done.reward_kind,
        assignment_id=done.assignment_id,
        customer=customer,
        parameters={} if reward is None else view_parameters(reward),
        metadata={} if reward is None else reward.metadata,
        created_at=UNSET if reward is None else reward.created_at,
        updated_at=UNSET if reward is None else reward.updated_at,
        loyalty_tier_id=done.loyalty_tier_id or UNSET,
        voucher=around.vouchers.get(done.given_voucher_id or "", UNSET),
        product=around.products.get(done.reward_id, UNSET),
        sku=around.skus.get(done.reward_id, UNSET),
    )
