"""The part of the models' page on uplift: which arms are looked at, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from kaquan.console.language import N_, translations
from kaquan.console.page import PageView
from kaquan.console.pages.words import Badge
from kaquan.experiments import HOLDOUT, Experiment, get_experiment
from kaquan.insight.models import (
    ModelKind,
    ModelRun,
    ModelVersion,
    RunStatus,
    is_uplift,
    say_model_lack,
    say_verdict,
    subject_of,
)
from kaquan.runtime import Tx

RUNS = {
    RunStatus.PENDING: Badge(N_("Being trained"), "busy"),
    RunStatus.DONE: Badge(N_("Done"), "good"),
    RunStatus.REFUSED: Badge(N_("Cannot be said yet"), "wait"),
    RunStatus.FAILED: Badge(N_("Failed"), "bad"),
}
CUT_OFF = Badge(N_("Cut off: it died half-way"), "bad")


class TriedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A request to learn from an experiment: whose arms, how it stands, and what came of it."""

    run: ModelRun
    name: str
    arms: str
    badge: Badge
    said: str
    lacks: list[str]


class UpliftForm(msgspec.Struct, frozen=True, kw_only=True):
    """What may be chosen: experiments, and once one is chosen, its arms."""

    experiments: list[tuple[str, str]]
    chosen: str
    arms: list[tuple[str, str]]
    controls: list[tuple[str, str]]


def run_badge(run: ModelRun, page: PageView) -> Badge:
    """How a request stands; one whose worker died says so."""
    return CUT_OFF if run.died(page.now) else RUNS[run.status]


def uplift_form(experiments: Sequence[Experiment], chosen: str, page: PageView) -> UpliftForm:
    """What may be chosen when the experiment ``chosen`` (an id, or nothing) was."""
    say = translations(page.language).gettext
    one = next((one for one in experiments if one.id == chosen), None)
    arms = [] if one is None else [(arm.name, arm.name) for arm in one.arms]
    return UpliftForm(
        experiments=[("", say(N_("Choose"))), *((one.id, one.name) for one in experiments)],
        chosen="" if one is None else one.id,
        arms=[("", say(N_("The largest"))), *arms] if arms else [],
        controls=[
            ("", say(N_("Those who got nothing"))),
            (HOLDOUT, say(N_("Those held out of the campaign"))),
            *arms,
        ]
        if arms
        else [],
    )


def tried_rows(
    runs: Sequence[ModelRun],
    models: Mapping[str, ModelVersion],
    names: Mapping[str, str],
    page: PageView,
) -> list[TriedRow]:
    """What was asked of experiments; ``models`` by id, ``names`` of experiments by theirs."""
    return [
        _tried(run, models.get(run.model_id or ""), names, page)
        for run in runs
        if run.kind is ModelKind.UPLIFT
    ]


def _tried(
    run: ModelRun, model: ModelVersion | None, names: Mapping[str, str], page: PageView
) -> TriedRow:
    language = page.language.value
    card = None if model is None else model.card
    arm = run.arm if card is None else card.arm
    control = run.control if card is None else card.control
    return TriedRow(
        run=run,
        name=names.get(run.subject or "", run.subject or ""),
        arms=say_arms(arm, control, page),
        badge=run_badge(run, page),
        said="" if model is None else say_verdict(model.verdict, language),
        lacks=[say_model_lack(one, language) for one in run.lacks],
    )


async def experiment_names(tx: Tx, predictions: Iterable[str]) -> dict[str, str]:
    """Return the names of the experiments whose uplifts are among these predictions, by id."""
    ids = {subject_of(name) for name in predictions if is_uplift(name) and subject_of(name)}
    return {one: (await get_experiment(tx, one)).name for one in sorted(ids)}


def say_arms(arm: str | None, control: str | None, page: PageView) -> str:
    """Two arms in words; an arm that is not known yet is the largest, or who got nothing."""
    say = translations(page.language).gettext
    return say(N_("“%(arm)s” against “%(control)s”")) % {
        "arm": arm or say(N_("The largest")),
        "control": say(N_("holdout"))
        if control == HOLDOUT
        else control or say(N_("Those who got nothing")),
    }
