"""The checkout: trying out, redeeming and rolling back, all or nothing."""

from kaquan.checkout.again import LOST_RACES, try_again
from kaquan.checkout.attempt_model import AttemptKind, AttemptOutcome
from kaquan.checkout.attempts import (
    AttemptPage,
    InputsGone,
    KeptAttempt,
    Rerun,
    forget_attempts,
    get_kept_attempt,
    list_kept_attempts,
    rerun_attempt,
)
from kaquan.checkout.basket import add_goods, initial_amount, initial_quantity, list_added
from kaquan.checkout.batch import Batcher
from kaquan.checkout.best import BestFound, find_best
from kaquan.checkout.gathering import MOST_WAITING, AttemptGatherer
from kaquan.checkout.jobs import expire_all_sessions, forget_old_attempts
from kaquan.checkout.lifecycle import find_order_coupons, store_order
from kaquan.checkout.lifecycle_model import CouponsWanted, OrderCoupons
from kaquan.checkout.model import (
    Attempt,
    CheckoutRequest,
    Contended,
    Coupon,
    CustomerRedemptions,
    Given,
    OrderFigures,
    Redeemable,
    Redeemed,
    Redemption,
    RedemptionKind,
    RedemptionResult,
    RedemptionStatus,
    Refused,
    RollBack,
    RollBackRefusal,
    RollBackRefused,
    Validation,
)
from kaquan.checkout.qualification_model import (
    Option,
    Place,
    Qualification,
    QualificationRequest,
    QualificationSorting,
    Qualified,
)
from kaquan.checkout.qualify import qualify
from kaquan.checkout.redeem import redeem, redeem_together
from kaquan.checkout.returns import (
    get_return_policy,
    list_returns,
    preview_return,
    return_goods,
    set_return_policy,
)
from kaquan.checkout.returns_model import (
    GoodsBack,
    OfOrder,
    OfRedemption,
    OrderReturn,
    ReturnPart,
    ReturnPolicy,
    ReturnRefusal,
    ReturnRefused,
    ReturnRequest,
    UseBack,
)
from kaquan.checkout.rollback import roll_back
from kaquan.checkout.scenarios import Scenario
from kaquan.checkout.session_model import Lock, Session, TtlUnit
from kaquan.checkout.sessions import (
    expire_sessions,
    get_lock,
    list_voucher_locks,
    release_lock,
    release_session,
    release_voucher_locks,
)
from kaquan.checkout.simulate import SimulatedOffer, simulate, simulate_campaign
from kaquan.checkout.snapshot import Asked
from kaquan.checkout.store.attempts import AttemptFilter
from kaquan.checkout.store.register import (
    count_redemptions_of,
    get_redemption,
    list_children,
    list_children_of,
    list_redemptions,
)
from kaquan.checkout.store.returns import get_return
from kaquan.checkout.tried import Tried, tried_validation
from kaquan.checkout.validate import validate, validate_together

__all__ = [
    "LOST_RACES",
    "MOST_WAITING",
    "Asked",
    "Attempt",
    "AttemptFilter",
    "AttemptGatherer",
    "AttemptKind",
    "AttemptOutcome",
    "AttemptPage",
    "Batcher",
    "BestFound",
    "CheckoutRequest",
    "Contended",
    "Coupon",
    "CouponsWanted",
    "CustomerRedemptions",
    "Given",
    "GoodsBack",
    "InputsGone",
    "KeptAttempt",
    "Lock",
    "OfOrder",
    "OfRedemption",
    "Option",
    "OrderCoupons",
    "OrderFigures",
    "OrderReturn",
    "Place",
    "Qualification",
    "QualificationRequest",
    "QualificationSorting",
    "Qualified",
    "Redeemable",
    "Redeemed",
    "Redemption",
    "RedemptionKind",
    "RedemptionResult",
    "RedemptionStatus",
    "Refused",
    "Rerun",
    "ReturnPart",
    "ReturnPolicy",
    "ReturnRefusal",
    "ReturnRefused",
    "ReturnRequest",
    "RollBack",
    "RollBackRefusal",
    "RollBackRefused",
    "Scenario",
    "Session",
    "SimulatedOffer",
    "Tried",
    "TtlUnit",
    "UseBack",
    "Validation",
    "add_goods",
    "count_redemptions_of",
    "expire_all_sessions",
    "expire_sessions",
    "find_best",
    "find_order_coupons",
    "forget_attempts",
    "forget_old_attempts",
    "get_kept_attempt",
    "get_lock",
    "get_redemption",
    "get_return",
    "get_return_policy",
    "initial_amount",
    "initial_quantity",
    "list_added",
    "list_children",
    "list_children_of",
    "list_kept_attempts",
    "list_redemptions",
    "list_returns",
    "list_voucher_locks",
    "preview_return",
    "qualify",
    "redeem",
    "redeem_together",
    "release_lock",
    "release_session",
    "release_voucher_locks",
    "rerun_attempt",
    "return_goods",
    "roll_back",
    "set_return_policy",
    "simulate",
    "simulate_campaign",
    "store_order",
    "tried_validation",
    "try_again",
    "validate",
    "validate_together",
]
