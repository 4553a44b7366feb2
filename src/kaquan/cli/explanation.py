"""Why a coupon works on an order or not, one plain sentence a reason."""

import sys
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import msgspec
import typer

from kaquan.api import (
    AttemptReason,
    OrderBody,
    draft_order,
    read_json,
    read_moment,
    view_reason,
)
from kaquan.checkout import (
    BestFound,
    CheckoutRequest,
    Redeemable,
    Validation,
    find_best,
    validate,
)
from kaquan.cli.connect import connected
from kaquan.engine import Language, Reason, explain
from kaquan.runtime import (
    InvalidInput,
    NotFound,
    Project,
    Settings,
    Tx,
    format_money,
    read_projects,
    utc_now,
)


class BestExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """The codes that together take most off, and why each other one is not among them."""

    codes: list[str]
    discount_amount: int
    exact: bool
    left_out: dict[str, list[AttemptReason]]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints; money in minor units."""

    code: str
    valid: bool
    at: datetime
    currency: str
    amount: int
    discount_amount: int
    reasons: list[AttemptReason]
    best: BestExplanation | None = None


_WORDS: dict[str, dict[Language, str]] = {
    "works": {"zh": "可用：优惠 {off}，应付 {total}", "en": "It works: {off} off, {total} to pay"},
    "does_not": {"zh": "不可用：", "en": "It does not work:"},
    "best": {"zh": "最优组合：{codes}，共优惠 {off}", "en": "Best combination: {codes}, {off} off"},
    "none": {"zh": "没有可用的券", "en": "No coupon applies"},
    "bounded": {
        "zh": "（候选较多，结果未必最优）",
        "en": "(many candidates: there may be a better one)",
    },
    "left_out": {"zh": "未使用 {code}：{why}", "en": "Left out {code}: {why}"},
}


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked; ``order_file`` is a file's name or ``-``, ``at`` a time in ISO 8601."""

    code: str
    order_file: str
    customer: str | None
    at: str | None
    best: bool
    project: str | None


def _read_order(name: str) -> OrderBody:
    raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    return read_json(raw, OrderBody)


async def print_explanation(
    settings: Settings, question: Question, *, language: Language | None, as_json: bool
) -> bool:
    """Print whether the coupon works, or why not; say which of both. Writes nothing else."""
    body = _read_order(question.order_file)
    async with connected(settings) as database:
        project = _pick_project(await read_projects(database), question.project)
        async with database.snapshot(project.project_id) as tx:
            now = utc_now()
            if question.at is not None:
                now = read_moment(question.at, project.zone, field="--at")
            request = await _ask(tx, question, body)
            validation = await validate(tx, request, now=now)
            best = None
            if question.best:
                best = await find_best(tx, request, now=now)
    spoken: Language = language or ("zh" if project.language == "zh" else "en")
    if as_json:
        explanation = _as_json(question.code, validation, best, at=now)
        typer.echo(msgspec.json.encode(explanation).decode())
    else:
        for line in _list_lines(validation, best, spoken):
            typer.echo(line)
    return validation.valid


def _pick_project(projects: list[Project], named: str | None) -> Project:
    found = [one for one in projects if named in {None, one.id, one.name}]
    if len(found) == 1:
        return found[0]
    if not projects:
        message = "There is no project yet: run 'kaquan init' first."
        raise InvalidInput(message, field="--project", key="no_project")
    if named is not None and not found:
        raise NotFound("project", named)
    message = f"Say which project: {', '.join(one.id for one in projects)}."
    raise InvalidInput(message, field="--project")


async def _ask(tx: Tx, question: Question, order: OrderBody) -> CheckoutRequest:
    own = order.customer.source_id if order.customer is not None else None
    named = question.customer or order.customer_id or (own if isinstance(own, str) else None)
    place = None if order.kaquan is None else order.kaquan.location_id
    return CheckoutRequest(
        redeemables=(Redeemable(id=question.code),),
        order=await draft_order(tx, order, field="order."),
        customer=named,
        location_id=place,
    )


def _list_lines(validation: Validation, best: BestFound | None, language: Language) -> list[str]:
    money = partial(format_money, currency=validation.project.currency, language=language)

    def say(what: str, **words: str) -> str:
        return _WORDS[what][language].format_map(words)

    figures = validation.figures
    if validation.valid:
        off, total = money(figures.total_discount_minor), money(figures.total_minor)
        lines = [say("works", off=off, total=total)]
    else:
        lines = [say("does_not")]
        reasons = validation.attempts[0].reasons
        lines += dict.fromkeys(f"- {explain(one, language, money)}" for one in reasons)
    if best is None:
        return lines
    chosen = [attempt.redeemable.id for attempt in best.validation.attempts]
    off = money(best.validation.decision.total_discount_minor)
    lines.append(say("best", codes=" + ".join(chosen), off=off) if chosen else say("none"))
    if not best.exact:
        lines.append(say("bounded"))
    joint = "；" if language == "zh" else "; "
    for code, reasons in best.left_out.items():
        why = joint.join(dict.fromkeys(explain(one, language, money) for one in reasons))
        lines.append(f"- {say('left_out', code=code, why=why)}")
    return lines


def _as_json(
    code: str, validation: Validation, best: BestFound | None, *, at: datetime
) -> Explanation:
    project = validation.project

    def describe(reasons: Sequence[Reason]) -> list[AttemptReason]:
        return [view_reason(reason, project) for reason in reasons]

    combination = None
    if best is not None:
        combination = BestExplanation(
            codes=[attempt.redeemable.id for attempt in best.validation.attempts],
            discount_amount=best.validation.decision.total_discount_minor,
            exact=best.exact,
            left_out={key: describe(reasons) for key, reasons in best.left_out.items()},
        )
    return Explanation(
        code=code,
        valid=validation.valid,
        at=at,
        currency=project.currency,
        amount=validation.figures.amount_minor,
        discount_amount=validation.figures.total_discount_minor,
        reasons=describe(validation.attempts[0].reasons),
        best=combination,
    )
