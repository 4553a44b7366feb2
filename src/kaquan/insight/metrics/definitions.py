"""Every metric, once. docs/reference/metrics.md is written from here."""

from typing import Any

from kaquan.insight.metrics.model import Measure, Metric, Unit
from kaquan.runtime import NotFound


def _count(fact: str) -> Measure:
    return Measure(fact, f"{fact}_count", lambda t, _: t.count())


def _distinct(fact: str, column: str) -> Measure:
    return Measure(fact, f"{fact}_{column}s", lambda t, _: t[column].nunique())


def _total(fact: str, column: str) -> Measure:
    return Measure(fact, f"{fact}_{column}", lambda t, _: t[column].sum())


def _counted(fact: str, column: str) -> Measure:
    return Measure(fact, f"{fact}_{column}_n", lambda t, _: t[column].cast("int64").sum())


def _margin(fact: str) -> Measure:
    def reckon(t: Any, rate_bps: int) -> Any:
        return (t["amount_minor"] * rate_bps - t["discount_minor"] * 10_000).sum()

    return Measure(fact, f"{fact}_margin", reckon)


def _ten_thousand(fact: str) -> Measure:
    return Measure(fact, f"{fact}_scale", lambda t, _: t["amount_minor"].count() * 0 + 10_000)


def _metric(id_: str, unit: Unit, top: Measure, *texts: str, **more: Any) -> Metric:
    name_zh, name_en, about_zh, about_en, formula = texts
    return Metric(
        id=id_,
        unit=unit,
        name_zh=name_zh,
        name_en=name_en,
        about_zh=about_zh,
        about_en=about_en,
        formula=formula,
        top=top,
        **more,
    )


_FUNNEL = (
    _metric(
        "issued", Unit.COUNT, _count("voucher"),
        "发行", "Issued", "窗口内制作的券。", "Vouchers made in the window.",
        "count(voucher)",
    ),
    _metric(
        "published", Unit.COUNT, _distinct("publication", "voucher_id"),
        "发放", "Published", "窗口内发给顾客的券。", "Vouchers given to customers in the window.",
        "count(distinct publication.voucher_id)",
    ),
    _metric(
        "delivered", Unit.COUNT, _count("delivery"),
        "送达", "Delivered", "窗口内的消息中已交给邮件服务器的。",
        "Messages of the window that the mail server took.",
        "count(message where status = 'sent')",
    ),
    _metric(
        "opened", Unit.COUNT, _count("opening"),
        "打开", "Opened", "商家记录的 message_opened 事件；从未记录则没有数字。",
        "Events message_opened that the merchant records; where it never did there is no figure.",
        "count(event where name = 'message_opened')",
        recorded="opening",
    ),
    _metric(
        "claimed", Unit.COUNT, _count("claim"),
        "领取", "Claimed", "顾客从活动库存里自己领取的券。",
        "Vouchers that customers fetched from a campaign's stock.",
        "count(publication where a transfer of kind claims was made for it)",
    ),
    _metric(
        "redeemed", Unit.COUNT, _count("redemption"),
        "核销", "Redeemed", "窗口内仍然有效的核销。",
        "Redemptions of the window that stand.",
        "count(redemption where stands)",
    ),
    _metric(
        "returned", Unit.COUNT, _count("reversal"),
        "退回", "Returned", "窗口内的核销中已撤销或因退货退回的。",
        "Redemptions of the window that were rolled back or given back at a return.",
        "count(redemption where succeeded and came_back)",
    ),
)  # fmt: skip
_USE = (
    _metric(
        "usage_rate", Unit.SHARE, _counted("usage", "used"),
        "使用率", "Usage rate", "窗口内发放的券中至今使用过的比例。",
        "Of the vouchers given in the window, the share used by now.",
        "count(usage where used) / count(usage)",
        bottom=_count("usage"),
    ),
    _metric(
        "time_to_redeem", Unit.DAYS, _total("use", "seconds"),
        "核销用时", "Time to redeem", "发放到首次核销的平均天数。",
        "Mean days from publication to the first redemption.",
        "sum(use.seconds) / 86400 / count(use)",
        bottom=Measure("use", "use_days", lambda t, _: t.count() * 86_400),
    ),
    _metric(
        "breakage", Unit.SHARE, _counted("expiry", "unused"),
        "过期未用率", "Breakage", "窗口内到期的已发放券中从未使用的比例。",
        "Of the given vouchers that expired in the window, the share never used.",
        "count(expiry where unused) / count(expiry)",
        bottom=_count("expiry"),
    ),
    _metric(
        "discount", Unit.MONEY, _total("redemption", "discount_minor"),
        "优惠金额", "Discount", "有效核销给出的优惠，扣除退货收回的部分。",
        "Discount of the redemptions that stand, less what returns took back.",
        "sum(redemption.discount_minor where stands)",
    ),
    _metric(
        "budget_spent", Unit.MONEY, _total("budget", "spent"),
        "预算支出", "Budget spent", "账本从活动预算转出的金额，扣除退回；只含有预算的活动。",
        "What the ledger moved out of campaigns' budgets, less returns; campaigns with a budget only.",
        "-sum(transfer.into_amount where kind = 'budget' and cause in ('redeem', 'return'))",
    ),
    _metric(
        "liability", Unit.MONEY, _total("value", "into_amount"),
        "未兑付负债", "Liability", "窗口结束时礼品卡上尚未使用的余额：账本中的全部余额。",
        "Value not yet redeemed on gift cards at the window's end: the ledger's balances.",
        "sum(transfer.into_amount where kind = 'value', up to the window's end)",
        running=True,
    ),
)  # fmt: skip
_SALES = (
    _metric(
        "orders", Unit.COUNT, _count("order"),
        "订单", "Orders", "窗口内下单并已支付的订单。", "Paid orders placed in the window.",
        "count(orders where paid)",
    ),
    _metric(
        "revenue", Unit.MONEY, _total("order", "total_minor"),
        "收入", "Revenue", "已支付订单优惠后的总额，扣除退款。",
        "Totals of paid orders after discounts, less refunds.",
        "sum(orders.total_minor where paid)",
    ),
    _metric(
        "margin", Unit.MONEY, _margin("order"),
        "毛利", "Margin", "优惠前金额乘以毛利率，减去优惠；没有设置毛利率则没有数字。",
        "Amount before discounts times the margin rate, less discounts; none without a set rate.",
        "sum(orders.amount_minor * margin_rate - orders.discount_minor where paid)",
        bottom=_ten_thousand("order"), needs_margin=True,
    ),
    _metric(
        "order_value", Unit.MONEY, _total("order", "total_minor"),
        "客单价", "Order value", "每个已支付订单的收入。", "Revenue per paid order.",
        "revenue / orders", bottom=_count("order"),
    ),
    _metric(
        "coupon_orders", Unit.COUNT, _count("coupon_order"),
        "用券订单", "Orders with coupon", "有有效核销的已支付订单。",
        "Paid orders with a redemption that stands.",
        "count(orders where paid and a redemption of it stands)",
    ),
    _metric(
        "coupon_revenue", Unit.MONEY, _total("coupon_order", "total_minor"),
        "用券收入", "Revenue with coupon", "用券订单的收入；不等于券带来的收入。",
        "Revenue of orders with a coupon; not what coupons earned.",
        "sum(orders.total_minor where paid and a redemption of it stands)",
    ),
    _metric(
        "order_value_with", Unit.MONEY, _total("coupon_order", "total_minor"),
        "用券客单价", "Order value with coupon", "每个用券订单的收入。",
        "Revenue per order with a coupon.",
        "coupon_revenue / coupon_orders", bottom=_count("coupon_order"),
    ),
    _metric(
        "order_value_without", Unit.MONEY, _total("plain_order", "total_minor"),
        "未用券客单价", "Order value without coupon", "每个未用券订单的收入。",
        "Revenue per order without a coupon.",
        "sum(total_minor) / count(*) of paid orders without a standing redemption",
        bottom=_count("plain_order"),
    ),
    _metric(
        "return_on_discount", Unit.SHARE, _margin("coupon_order"),
        "优惠回报率", "Return on discount",
        "用券订单的毛利（已扣优惠）除以其优惠；不是增量，增量见对照实验。",
        "Margin of coupon orders, discounts taken off, over these discounts; not incremental: for "
        "that see the comparison with the holdout.",
        "margin(coupon orders) / sum(discount of coupon orders)",
        bottom=Measure(
            "coupon_order", "coupon_discount_scaled",
            lambda t, _: t["discount_minor"].sum() * 10_000,
        ),
        needs_margin=True,
    ),
)  # fmt: skip
_PEOPLE = (
    _metric(
        "new_customers", Unit.COUNT, _count("customer"),
        "新顾客", "New customers", "窗口内建档的顾客，不含已删除的。",
        "Customers recorded in the window, without erased ones.",
        "count(customer where not erased)",
    ),
    _metric(
        "buyers", Unit.COUNT, _distinct("order", "customer_id"),
        "购买顾客", "Buyers", "窗口内有已支付订单的顾客。",
        "Customers with a paid order in the window.",
        "count(distinct orders.customer_id where paid)",
    ),
    _metric(
        "repeat_rate", Unit.SHARE, _counted("buyer_order", "repeated"),
        "复购率", "Repeat rate", "窗口内首次购买的订单以外，顾客再次购买的订单占比。",
        "Of the window's orders of known customers, the share that was not the customer's first.",
        "count(orders of known customers after their first) / count(orders of known customers)",
        bottom=_count("buyer_order"),
    ),
    _metric(
        "new_buyers", Unit.COUNT, _counted("buyer_order", "first"),
        "首购顾客", "First-time buyers", "窗口内完成第一笔已支付订单的顾客。",
        "Customers whose first paid order was placed in the window.",
        "count(orders of known customers that are their first)",
    ),
    _metric(
        "acquisition_cost", Unit.MONEY, _total("acquisition", "discount_minor"),
        "获客优惠成本", "Acquisition cost", "用券首购订单的平均优惠金额。",
        "Mean discount of first orders with a coupon.",
        "sum(discount_minor) / count(*) of first orders with a standing redemption",
        bottom=_count("acquisition"),
    ),
    _metric(
        "customer_value", Unit.MONEY, _total("newcomer", "value_minor"),
        "顾客累计价值", "Customer value", "窗口内首购的顾客至今人均带来的收入；未来的部分由模型预测。",
        "Revenue to date of the customers who first bought in the window, for each of them; what is "
        "still to come the lifetime model foretells.",
        "sum(orders.total_minor where paid) / count(*) of customers whose first order is in the window",
        bottom=_count("newcomer"),
    ),
)  # fmt: skip
_GOODS = (
    _metric(
        "units_sold", Unit.COUNT, _total("line", "quantity"),
        "销量", "Units sold", "已支付订单中的商品件数（未扣退货）。",
        "Units on paid orders, as sold.",
        "sum(order_line.quantity where paid)",
    ),
    _metric(
        "goods_revenue", Unit.MONEY, _total("line", "net_minor"),
        "商品收入", "Goods revenue", "已支付订单行优惠后的金额（未扣退货）。",
        "Lines of paid orders after their discounts, as sold.",
        "sum(order_line.amount_minor - order_line.discount_minor where paid)",
    ),
    _metric(
        "goods_discount", Unit.MONEY, _total("line", "discount_minor"),
        "商品优惠", "Goods discount", "已支付订单行上的优惠。", "Discounts on lines of paid orders.",
        "sum(order_line.discount_minor where paid)",
    ),
)  # fmt: skip
_TRIES = (
    _metric(
        "refused", Unit.COUNT, _count("refusal"),
        "被拒核销", "Refused redemptions", "窗口内未成功的核销。",
        "Redemptions of the window that were refused.",
        "count(redemption where result = 'FAILURE')",
    ),
    _metric(
        "tries", Unit.COUNT, _count("attempt"),
        "试算", "Tries", "窗口内的校验与资格查询，仅含仍保留的记录。",
        "Validations and qualifications of the window, as far as they are still kept.",
        "count(attempt)",
    ),
    _metric(
        "held_out", Unit.COUNT, _counted("exposure", "held"),
        "对照顾客", "Held out", "窗口内分入对照组的顾客与活动对。",
        "Assignments to the holdout in the window.",
        "count(exposure where arm = 'holdout')",
    ),
)  # fmt: skip
METRICS = {one.id: one for one in (*_FUNNEL, *_USE, *_SALES, *_PEOPLE, *_GOODS, *_TRIES)}
"""The metrics by id, in the order of the reference."""
FUNNEL = tuple(one.id for one in _FUNNEL)


def get_metric(metric_id: str) -> Metric:
    """Return a metric by its id; raises NotFound."""
    found = METRICS.get(metric_id)
    if found is None:
        raise NotFound("metric", metric_id)
    return found
