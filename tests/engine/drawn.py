"""Carts, coupons and stacking rules to be drawn, in round figures so that there are ties."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from kaquan.engine import (
    AmountBase,
    AmountOff,
    Application,
    BundlePart,
    BundlePrice,
    BuyXGetY,
    Candidate,
    Category,
    CheapestFree,
    Context,
    CustomerFacts,
    Effect,
    Exchange,
    FirstOrder,
    FixedPrice,
    FreeUnit,
    FreeUnits,
    Grouping,
    Lane,
    LineInput,
    MinimumSpend,
    Node,
    NoEffect,
    Not,
    NthItemAtRate,
    Offer,
    PercentOff,
    PrintedValue,
    ProductUse,
    Rounding,
    Scope,
    ShippingOff,
    Sorting,
    StackingRules,
    ThresholdOff,
    Tier,
    Validity,
    build_cart,
)
from kaquan.engine.conditions import NO_CONDITION

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CONTEXT = Context(now=NOW, currency="CNY", customer=CustomerFacts(id="ann"))
CATEGORIES = [
    Category(id=name, hierarchy=hierarchy)
    for hierarchy, name in enumerate(["news", "vip", "gold", "gift"])
]

products = st.sampled_from(["a", "b", "c"])
scopes = st.builds(Scope, product_ids=st.frozensets(products, max_size=2))
targets = st.sampled_from(["order", "items"])
amounts = st.sampled_from([100, 500, 1_000, 3_000])
effects: st.SearchStrategy[Effect] = st.one_of(
    st.builds(AmountOff, amount_minor=amounts, target=targets, scope=scopes),
    st.builds(
        AmountOff,
        amount_minor=amounts,
        target=st.just("items"),
        giving=st.sampled_from(["per_unit", "by_amount", "by_quantity"]),
        scope=scopes,
    ),
    st.builds(
        PercentOff,
        rate_bps=st.sampled_from([500, 1_000, 5_000, 10_000]),
        cap_minor=st.none() | amounts,
        target=targets,
        scope=scopes,
    ),
    st.builds(
        ThresholdOff,
        tiers=amounts.map(lambda spend: (Tier(spend_minor=spend, off_minor=spend // 2),)),
    ),
    st.builds(PrintedValue, max_minor=amounts, scope=scopes),
    st.builds(FixedPrice, price_minor=amounts, target=targets, scope=scopes),
    st.builds(NthItemAtRate, nth=st.just(2), rate_bps=st.sampled_from([5_000, 10_000])),
    st.builds(CheapestFree, of=st.just(2), scope=scopes),
    st.builds(BuyXGetY, buy_quantity=st.just(1), buy=scopes),
    st.builds(Exchange, scope=products.map(lambda one: Scope(product_ids=frozenset({one})))),
    st.builds(
        BundlePrice,
        parts=st.just((BundlePart(scope=Scope(product_ids=frozenset({"a", "b"})), quantity=2),)),
        price_minor=amounts,
    ),
    st.builds(ShippingOff, rate_bps=st.sampled_from([5_000, 10_000])),
    st.sampled_from(
        [
            FreeUnits(units=(FreeUnit(product_id="a", adding="missing"),)),
            FreeUnits(units=(FreeUnit(product_id="a", adding="new"),)),
        ]
    ),
)
spends = st.builds(MinimumSpend, amount_minor=st.sampled_from([500, 2_000, 5_000]))
conditions: st.SearchStrategy[Node] = st.one_of(
    st.just(NO_CONDITION), st.just(NO_CONDITION), spends, spends.map(Not), st.just(FirstOrder())
)
windows = st.sampled_from(
    [
        Validity(),
        Validity(expires_at=NOW + timedelta(days=1)),
        Validity(expires_on=(NOW + timedelta(days=9)).date()),
        Validity(expires_at=NOW),
    ]
)
lines = st.lists(
    st.builds(
        LineInput,
        product_id=products,
        quantity=st.integers(1, 3),
        unit_price=st.sampled_from([0, 500, 1_000, 1_999]),
    ),
    min_size=1,
    max_size=4,
)
carts = st.builds(build_cart, lines, shipping_minor=st.sampled_from([0, 0, 800]))
rules_of = st.builds(
    StackingRules,
    max_applied=st.integers(1, 5),
    max_per_category=st.integers(1, 2),
    max_exclusive=st.integers(1, 2),
    exclusive_categories=st.just(("vip", "gold")),
    joint_categories=st.just(("gift",)),
    application=st.sampled_from(Application),
    sorting=st.sampled_from(Sorting),
    grouping=st.sampled_from(Grouping),
    by_lane=st.booleans(),
    products=st.sampled_from(ProductUse),
    no_effect=st.sampled_from(NoEffect),
    base=st.sampled_from(AmountBase),
    rounding=st.sampled_from(Rounding),
)


@st.composite
def candidate_lists(draw: st.DrawFn, most: int = 6) -> list[Candidate]:
    budgets = {name: draw(st.none() | st.integers(0, 4_000)) for name in ("summer", "winter")}
    found: list[Candidate] = []
    for index in range(draw(st.integers(0, most))):
        campaign = draw(st.sampled_from(["summer", "winter"]))
        found.append(
            Candidate(
                key=f"k{index}",
                campaign_id=campaign,
                budget_left_minor=budgets[campaign],
                face_value_minor=700,
                lane=draw(st.sampled_from([None, None, None, Lane.PAYMENT])),
                priority=draw(st.none() | st.integers(0, 2)),
                categories=draw(
                    st.lists(st.sampled_from(CATEGORIES), max_size=2, unique=True).map(tuple)
                ),
                offer=Offer(
                    id=f"o{index}",
                    effect=draw(effects),
                    condition=draw(conditions),
                    window=draw(windows),
                ),
            )
        )
    return found
