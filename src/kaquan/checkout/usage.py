"""How often vouchers were used, after each request of a batch."""

from collections.abc import Iterable, Mapping

import msgspec

from kaquan.campaigns import VoucherUsage
from kaquan.checkout.model import Coupon
from kaquan.ledger import Account, AccountKey, AccountKind

Accounts = Mapping[AccountKey, Account]


class UsageMark(msgspec.Struct, frozen=True):
    """A voucher at a point of a batch: its account of uses left, if it was locked, and the uses
    that the batch has counted of it by then where there is no limit.
    """

    coupon: Coupon
    uses: Account | None
    counted: int


def list_usage_keys(coupons: Iterable[Coupon]) -> list[AccountKey]:
    """Return the accounts that tell of uses and need no lock: nothing is decided on them."""
    keys: set[AccountKey] = set()
    for coupon in coupons:
        keys.add(AccountKey(coupon.voucher.id, AccountKind.USED))
        if coupon.voucher.quantity is None:
            keys.add(AccountKey(coupon.voucher.id, AccountKind.USES))
    return sorted(keys)


def mark_usages(coupons: Iterable[Coupon], accounts: Accounts) -> list[UsageMark]:
    """Remember how things stand after a request, by the accounts that are followed in memory."""
    return [
        UsageMark(
            coupon,
            accounts.get(AccountKey(coupon.voucher.id, AccountKind.USES)),
            _balance(accounts, coupon.voucher.id),
        )
        for coupon in coupons
    ]


def find_usages(
    marks: Iterable[UsageMark], *, counted: Accounts, stored: Accounts
) -> dict[str, VoucherUsage]:
    """Return usages by voucher id, as ``voucher_usage`` would have read them at the marks.

    ``counted`` are the followed accounts after the batch, ``stored`` those of list_usage_keys as
    the database has them then.
    """
    usages: dict[str, VoucherUsage] = {}
    for mark in marks:
        voucher = mark.coupon.voucher
        later = _balance(counted, voucher.id) - mark.counted
        taken = _balance(stored, voucher.id) - later
        uses = mark.uses or stored.get(AccountKey(voucher.id, AccountKind.USES))
        if uses is not None:
            taken += uses.granted - uses.balance
        left = None if voucher.quantity is None else 0 if uses is None else uses.available
        usages[voucher.id] = VoucherUsage(granted=voucher.quantity, left=left, used=taken)
    return usages


def _balance(accounts: Accounts, voucher_id: str) -> int:
    account = accounts.get(AccountKey(voucher_id, AccountKind.USED))
    return 0 if account is None else account.balance
