"""What columns can mean, for each subject, and the headers under which merchants write it."""

import re
import unicodedata
from collections.abc import Mapping as ReadOnly

import msgspec

from kaquan.customers.imports.files.model import Mapping, Subject
from kaquan.runtime import InvalidInput, words


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A field of ours: its name, the shape of its values, and the usual headers in zh and en.

    ``shape`` names a reader of ``values``. Of several fields that a header fits, the first in the
    list gets the column.
    """

    name: str
    shape: str
    headers: tuple[str, ...]
    required: bool = False


def _field(name: str, shape: str, headers: str, *, required: bool = False) -> Field:
    return Field(name=name, shape=shape, headers=tuple(headers.split()), required=required)


_OWN_ID = "id code no number source_id external_id 编号 编码 代码 号码 id号"
_NOTES = _field("metadata", "object", "metadata attributes_json extra 扩展 附加信息")
FIELDS: ReadOnly[Subject, tuple[Field, ...]] = {
    Subject.CUSTOMERS: (
        _field(
            "source_id",
            "reference",
            "customer_id member_id user_id client_id household_id card_no member_no vip_no"
            " 会员号 会员编号 会员id 客户编号 客户号 客户id 用户id 用户编号 会员卡号 卡号 顾客编号"
            f" {_OWN_ID}",
            required=True,
        ),
        _field(
            "name",
            "name",
            "name full_name customer_name member_name real_name 姓名 名字 名称 客户姓名 会员姓名"
            " 客户名称 顾客姓名 昵称 nickname",
        ),
        _field(
            "phone",
            "phone",
            "phone mobile mobile_phone phone_number mobile_number tel telephone cell cellphone"
            " 手机 手机号 手机号码 电话 电话号码 联系电话 联系方式 移动电话",
        ),
        _field("email", "email", "email e_mail mail email_address 邮箱 电子邮箱 邮件 电子邮件"),
        _field(
            "birth_date",
            "birth",
            "birth_date birthdate birthday dob date_of_birth 生日 出生日期 出生年月日",
        ),
        _field(
            "created_at",
            "time",
            "created_at registered_at registration_date signup_date join_date joined"
            " 注册时间 注册日期 入会时间 入会日期 创建时间 加入时间 开卡时间",
        ),
        _field("description", "text", "description remark note notes comment 备注 描述 说明"),
        _field("address.line_1", "line", "address address_line_1 street line_1 地址 详细地址 街道"),
        _field("address.line_2", "line", "address_line_2 line_2 地址2 门牌号"),
        _field("address.postal_code", "line", "postal_code zip zip_code postcode 邮编 邮政编码"),
        _field("address.city", "line", "city address_city town 城市 市 所在城市"),
        _field("address.state", "line", "state province region address_state 省 省份 地区"),
        _field("address.country", "line", "country address_country 国家"),
        _NOTES,
    ),
    Subject.PRODUCTS: (
        _field(
            "source_id",
            "reference",
            "product_id sku item_id goods_id product_code item_code barcode"
            f" 商品编号 商品编码 商品id 货号 商品代码 产品编号 产品编码 条码 款号 {_OWN_ID}",
            required=True,
        ),
        _field(
            "name", "name", "name product_name item_name title 商品名称 名称 产品名称 品名 商品名"
        ),
        _field(
            "price_minor", "money", "price unit_price list_price 价格 单价 售价 零售价 吊牌价 标价"
        ),
        _field("image_url", "text", "image_url image picture photo 图片 图片链接 主图"),
        _field("attributes", "object", "attributes 属性 规格"),
        _field("created_at", "time", "created_at listed_at 上架时间 创建时间"),
        _NOTES,
    ),
    Subject.LOCATIONS: (
        _field(
            "source_id",
            "reference",
            "store_id location_id shop_id branch_id store_code shop_code"
            f" 门店编号 门店编码 门店id 店铺编号 店号 网点编号 {_OWN_ID}",
            required=True,
        ),
        _field(
            "name",
            "name",
            "name store_name shop_name location_name 名称 门店名称 门店 店铺名称 店名 网点名称",
            required=True,
        ),
        _NOTES,
    ),
    Subject.ORDERS: (
        _field(
            "source_id",
            "reference",
            "order_id order_no order_number basket_id transaction_id receipt_no receipt ticket_no"
            " bill_no invoice_no 订单号 订单编号 订单id 单号 小票号 流水号 交易号 销售单号"
            f" {_OWN_ID}",
            required=True,
        ),
        _field(
            "placed_at",
            "time",
            "placed_at order_time order_date ordered_at paid_at created_at date time datetime"
            " transaction_timestamp transaction_date timestamp purchase_date sold_at"
            " 下单时间 下单日期 订单时间 订单日期 支付时间 付款时间 交易时间 交易日期 销售日期"
            " 购买时间 购买日期 成交时间 时间 日期",
            required=True,
        ),
        _field(
            "customer",
            "reference",
            "customer customer_id customer_source_id member_id member_no user_id client_id"
            " household_id card_no 会员号 会员编号 会员id 客户编号 客户号 客户id 用户id 会员卡号"
            " 卡号 顾客编号",
        ),
        _field(
            "location",
            "reference",
            "location location_id store store_id shop_id branch_id store_code 门店 门店编号"
            " 门店编码 店铺编号 店号 网点编号",
        ),
        _field("status", "status", "status order_status state 状态 订单状态 交易状态"),
        _field(
            "amount_minor",
            "money",
            "amount order_amount total gross_amount order_total 订单金额 总金额 应付金额 原价合计"
            " 合计",
        ),
        _field(
            "discount_minor",
            "money",
            "discount order_discount discount_amount coupon_discount 优惠 优惠金额 折扣金额"
            " 订单优惠 减免金额",
        ),
        _field("currency", "currency", "currency currency_code 币种 货币"),
        _field(
            "line.product",
            "reference",
            "product product_id product_source_id sku item_id goods_id product_code item_code"
            " barcode 商品编号 商品编码 商品id 货号 商品代码 产品编号 条码 款号",
        ),
        _field("line.quantity", "count", "quantity qty count units pieces 数量 件数 购买数量 销量"),
        _field(
            "line.unit_price_minor",
            "money",
            "unit_price price unit_price_minor item_price 单价 商品单价 售价 价格",
        ),
        _field(
            "line.amount_minor",
            "money",
            "line_amount line_total sales_value item_amount subtotal 行金额 小计 商品金额"
            " 明细金额 销售额 金额",
        ),
        _field(
            "line.discount_minor",
            "money",
            "line_discount item_discount retail_disc 行优惠 商品优惠 单品优惠 明细优惠",
        ),
        _field("lines", "lines", "lines items line_items order_items products 明细 商品明细"),
        _NOTES,
    ),
    Subject.EVENTS: (
        _field(
            "customer",
            "reference",
            "customer customer_id customer_source_id member_id user_id userid client_id"
            " household_id 会员号 会员编号 会员id 客户编号 客户号 客户id 用户id",
            required=True,
        ),
        _field(
            "name",
            "name",
            "event event_name name action type event_type 事件 事件名称 事件名 行为 动作 类型",
            required=True,
        ),
        _field(
            "at",
            "time",
            "at time timestamp datetime date event_time event_date occurred_at sent_at"
            " created_at 时间 日期 事件时间 发生时间",
            required=True,
        ),
        _field(
            "source_id",
            "reference",
            "event_id message_id source_id id uuid 事件编号 事件id 消息id 编号",
        ),
        _field("metadata", "object", "metadata properties props attributes 属性 参数 事件属性"),
    ),
}
_MARKS = re.compile(r"[\W_]+")
_UNIT = re.compile(r"[(（\[【].*?[)）\]】]")


def fold_header(text: str) -> str:
    """Return a header without what people write it differently with: case, blanks, marks, units."""
    plain = _UNIT.sub("", unicodedata.normalize("NFKC", text))
    return _MARKS.sub("", plain).lower()


def find_field(subject: Subject, name: str) -> Field | None:
    """Return a field by its name, or None."""
    return next((field for field in FIELDS[subject] if field.name == name), None)


def list_missing(subject: Subject, mapping: Mapping) -> list[str]:
    """Return the fields that a mapping must still name."""
    named = mapping.fields.keys() | mapping.constants.keys()
    missing = [one.name for one in FIELDS[subject] if one.required and one.name not in named]
    if subject is Subject.ORDERS:
        lines = {name for name in named if name.startswith("line.")}
        if not lines and not named & {"lines", "amount_minor"}:
            missing.append("amount_minor")
        if lines and not lines & {"line.unit_price_minor", "line.amount_minor"}:
            missing.append("line.unit_price_minor")
    return missing


def check_mapping(subject: Subject, mapping: Mapping, columns: tuple[str, ...]) -> None:
    """Raise InvalidInput for a field or column that is not, naming it and the nearest one."""
    for place, given in (("fields", mapping.fields), ("constants", mapping.constants)):
        for name in given:
            if find_field(subject, name) is None:
                known = ", ".join(field.name for field in FIELDS[subject])
                message = words(
                    "There is no field '%(name)s' of %(subject)s; there are %(known)s.",
                    name=name[:60],
                    subject=subject,
                    known=known,
                )
                raise InvalidInput(message, field=f"mapping.{place}.{name[:60]}")
    for place, given in (("fields", mapping.fields), ("metadata", mapping.metadata)):
        for name, column in given.items():
            if column not in columns:
                message = words("The file has no column '%(column)s'.", column=column[:60])
                raise InvalidInput(message, field=f"mapping.{place}.{name[:60]}")
    if "source_id" in mapping.constants:
        message = "Ids cannot be the same for all rows."
        raise InvalidInput(message, field="mapping.constants.source_id")
    for name in mapping.fields.keys() & mapping.constants.keys():
        message = "A field is a column or a constant, not both."
        raise InvalidInput(message, field=f"mapping.constants.{name}")
    if "lines" in mapping.fields and any(name.startswith("line.") for name in mapping.fields):
        message = "Lines stand in one column or in rows of their own, not both."
        raise InvalidInput(message, field="mapping.fields.lines")
