"""``/v1/attempts``: our own addition, why something was refused, and how far away it was."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import UNSET, UnsetType

from kaquan.api.attempt_keeping import gatherer_of
from kaquan.api.call import CurrentCall
from kaquan.api.dry_run import tell_time
from kaquan.api.listing import LAST_PAGE, LONGEST_PAGE, USUAL_PAGE
from kaquan.api.problems import AnyRequest
from kaquan.api.refusals import key_of
from kaquan.api.routes import Dry, reads, writes
from kaquan.checkout import (
    AttemptFilter,
    AttemptKind,
    AttemptOutcome,
    KeptAttempt,
    Rerun,
    get_kept_attempt,
    list_kept_attempts,
    rerun_attempt,
)
from kaquan.customers import find_customer, find_order
from kaquan.engine import Reason, Trace, explain
from kaquan.runtime import Project, Tx, format_money, get_project

DISTANCES = (
    "missing_minor",
    "missing",
    "excess_minor",
    "excess",
    "starts_at",
    "opens_at",
)
"""Parameters of reasons that say how far away something is, the plainest first."""


class Sentences(msgspec.Struct, frozen=True):
    """One plain sentence in both languages."""

    zh: str
    en: str


class DistanceView(msgspec.Struct, frozen=True):
    """How far away: a parameter's name, its unit last, and its value."""

    what: str
    value: int | str


class AttemptReason(msgspec.Struct, frozen=True, kw_only=True):
    """Why something was refused: ``key`` as problems have it, ``code`` as precise as we know."""

    code: str
    key: str
    params: dict[str, int | str]
    sentence: Sentences
    distance: DistanceView | UnsetType = UNSET


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about one code; money in minor units.

    ``run_id`` is shared by the codes of one request. ``distance`` is that of the first reason
    that has one.
    """

    id: str
    run_id: str
    kind: AttemptKind
    created_at: datetime
    redeemable_object: str
    code: str
    campaign_id: str | None
    customer_id: str | None
    customer_source_id: str | None
    order_id: str | None
    order_source_id: str | None
    channel: str
    outcome: AttemptOutcome
    discount_amount: int
    reasons: list[AttemptReason]
    distance: DistanceView | UnsetType = UNSET
    trace: dict[str, Any] | None
    object: Literal["attempt"] = "attempt"


class AttemptList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the attempts. A ``total`` that is not exact is at least that."""

    data: list[AttemptView]
    total: int
    total_is_exact: bool
    has_more: bool
    next_cursor: str | None
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class RerunView(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt decided again, without any effect.

    ``inputs`` are ``kept`` when the attempt left all of them, or ``stored``: put together from
    what is stored of a redemption and from the offer as it is now. ``differences`` are of
    outcome, discount, reasons and allocation.
    """

    attempt: AttemptView
    same: bool
    differences: list[str]
    inputs: Literal["kept", "stored"]
    outcome: AttemptOutcome
    discount_amount: int
    reasons: list[AttemptReason]
    trace: dict[str, Any]
    object: Literal["attempt_rerun"] = "attempt_rerun"


def view_reason(reason: Reason, project: Project) -> AttemptReason:
    """Map a reason with its sentence in both languages."""
    zh = partial(format_money, currency=project.currency, language="zh")
    en = partial(format_money, currency=project.currency, language="en")
    distance = find_distance(reason)
    return AttemptReason(
        code=reason.code.value,
        key=key_of(reason.code),
        params=dict(reason.params),
        sentence=Sentences(zh=explain(reason, "zh", zh), en=explain(reason, "en", en)),
        distance=UNSET if distance is None else distance,
    )


def find_distance(reason: Reason) -> DistanceView | None:
    """How far away the request was, where the reason knows it."""
    for name in DISTANCES:
        if name in reason.params:
            return DistanceView(name, reason.params[name])
    return None


def view_trace(trace: Trace) -> dict[str, Any]:
    """Map a trace to the wire."""
    return msgspec.to_builtins(trace)


def view_attempt(attempt: KeptAttempt, project: Project) -> AttemptView:
    """Map an attempt to the wire."""
    reasons = [view_reason(reason, project) for reason in attempt.reasons]
    return AttemptView(
        id=attempt.id,
        run_id=attempt.run_id,
        kind=attempt.kind,
        created_at=attempt.created_at,
        redeemable_object=attempt.object,
        code=attempt.code,
        campaign_id=attempt.campaign_id,
        customer_id=attempt.customer_id,
        customer_source_id=attempt.customer_source_id,
        order_id=attempt.order_id,
        order_source_id=attempt.order_source_id,
        channel=attempt.channel,
        outcome=attempt.outcome,
        discount_amount=attempt.discount_minor,
        reasons=reasons,
        distance=next(_distances(reasons), UNSET),
        trace=None if attempt.trace is None else view_trace(attempt.trace),
    )


def _distances(reasons: list[AttemptReason]) -> Iterator[DistanceView]:
    for reason in reasons:
        if reason.distance is not UNSET:
            yield reason.distance


def _view_rerun(rerun: Rerun, project: Project) -> RerunView:
    return RerunView(
        attempt=view_attempt(rerun.attempt, project),
        same=rerun.same,
        differences=list(rerun.differences),
        inputs="kept" if rerun.kept else "stored",
        outcome=rerun.outcome,
        discount_amount=rerun.discount_minor,
        reasons=[view_reason(reason, project) for reason in rerun.reasons],
        trace=view_trace(rerun.trace),
    )


async def _name_customer(tx: Tx, named: str | None) -> dict[str, str | None]:
    if named is None:
        return {}
    known = await find_customer(tx, named)
    return {
        "customer_id": named if known is None else known.id,
        "customer_source_id": named if known is None else known.source_id,
    }


async def _name_order(tx: Tx, named: str | None) -> dict[str, str | None]:
    if named is None:
        return {}
    known = await find_order(tx, named)
    return {
        "order_id": named if known is None else known.id,
        "order_source_id": named if known is None else known.source_id,
    }


Name = Annotated[str | None, QueryParameter(min_length=1, max_length=255)]


@reads("/", "List attempts")
async def read_attempts(
    request: AnyRequest,
    call: CurrentCall,
    code: Name = None,
    customer: Name = None,
    order: Name = None,
    kind: FromQuery[AttemptKind | None] = None,
    outcome: FromQuery[AttemptOutcome | None] = None,
    since: Annotated[str | None, QueryParameter(name="from", max_length=40)] = None,
    until: Annotated[str | None, QueryParameter(name="to", max_length=40)] = None,
    sort: FromQuery[Literal["created_at", "-created_at"]] = "-created_at",
    limit: Annotated[int, QueryParameter(ge=1, le=LONGEST_PAGE)] = USUAL_PAGE,
    page: Annotated[int, QueryParameter(ge=1, le=LAST_PAGE)] = 1,
    cursor: Name = None,
) -> AttemptList:
    """List validations, qualifications and redemptions by time, the newest first.

    ``customer`` and ``order`` are ids or source ids, also of what was never stored. ``from`` and
    ``to`` bound the time, ``to`` excluded. ``sort`` takes the place of the usual ``order``.
    """
    await gatherer_of(request).flush()
    async with call.transaction() as tx:
        project = await get_project(tx)
        wanted = AttemptFilter(
            code=code,
            kind=kind,
            outcome=outcome,
            since=None if since is None else await tell_time(tx, since, now=call.now, field="from"),
            until=None if until is None else await tell_time(tx, until, now=call.now, field="to"),
            **await _name_customer(tx, customer),
            **await _name_order(tx, order),
        )
        found = await list_kept_attempts(
            tx, wanted, sort=sort, limit=limit, page=page, cursor=cursor
        )
    return AttemptList(
        data=[view_attempt(one, project) for one in found.page.items],
        total=found.page.total,
        total_is_exact=found.exact,
        has_more=found.page.next_cursor is not None,
        next_cursor=found.page.next_cursor,
    )


@reads("/{attempt_id:str}", "Get attempt")
async def read_attempt(
    request: AnyRequest, attempt_id: FromPath[str], call: CurrentCall
) -> AttemptView:
    """Get an attempt by its id, or a redemption's by the redemption's."""
    await gatherer_of(request).flush()
    async with call.transaction() as tx:
        return view_attempt(await get_kept_attempt(tx, attempt_id), await get_project(tx))


@writes("POST", "/{attempt_id:str}/rerun", "Decide an attempt again", dry=Dry.ALWAYS)
async def decide_again(
    request: AnyRequest, attempt_id: FromPath[str], call: CurrentCall
) -> RerunView:
    """Decide an attempt again on the inputs it was decided on; nothing is written."""
    await gatherer_of(request).flush()
    async with call.transaction() as tx:
        return _view_rerun(await rerun_attempt(tx, attempt_id), await get_project(tx))


def attempts_router() -> Router:
    """Routes of attempts."""
    return Router(
        path="/attempts",
        route_handlers=[read_attempts, read_attempt, decide_again],
        tags=["Attempts"],
    )
