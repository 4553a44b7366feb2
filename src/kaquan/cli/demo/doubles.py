"""People entered twice, for the search for duplicates to find, and its proposals for review."""

from kaquan.cli.demo.people import Beside, Entry, judge_pairs, list_beside
from kaquan.cli.demo.shop import household_heads
from kaquan.cli.demo.store import list_ids_by_source
from kaquan.cli.demo.work import Done, Progress, Work
from kaquan.customers import (
    CustomerDraft,
    DuplicatePair,
    enter_customers,
    list_pairs,
    request_search,
    run_search,
)
from kaquan.runtime import KaquanError, utc_now

SURE_PPM = 990_000
"""From this likelihood on the page of duplicates offers to accept pairs at once."""
_MOST_PAIRS = 100_000


async def enter_doubles(work: Work, progress: Progress) -> Done:
    """Enter some people a second time and others who only seem so, and let the product search.

    Its proposals stay in the review queue; nobody is merged.
    """
    beside = list(list_beside(household_heads(work.dataset.customers()).items()))
    async with work.transaction() as tx:
        drafts = [_draft(one) for one in beside]
        for entered in await enter_customers(tx, drafts, now=work.now):
            if isinstance(entered, KaquanError):
                raise entered
        action = await request_search(tx, now=work.now)
    await run_search(work.database, work.project_id, action.id, clock=utc_now)
    async with work.transaction() as tx:
        ids = await list_ids_by_source(tx)
        found = (await list_pairs(tx, limit=_MOST_PAIRS)).items
    truth = {
        frozenset((ids[f"household-{one.number}"], ids[_source_id(one)]))
        for one in beside
        if one.entry is Entry.SECOND_RECORD
    }
    proposed = judge_pairs(_ids(found), truth)
    sure = judge_pairs(_ids([one for one in found if one.score_ppm >= SURE_PPM]), truth)
    progress.reach(len(beside), len(beside))
    return Done(
        rows=len(beside),
        figures={
            "second_records": len(truth),
            "proposed": proposed.pairs,
            "right": proposed.right,
            "sure": sure.pairs,
            "sure_right": sure.right,
        },
    )


def _ids(pairs: list[DuplicatePair]) -> list[tuple[str, str]]:
    return [(one.first_id, one.second_id) for one in pairs]


def _source_id(one: Beside) -> str:
    return f"household-{one.number}-{one.entry.value.replace('_', '-')}"


def _draft(one: Beside) -> CustomerDraft:
    person = one.person
    return CustomerDraft(
        source_id=_source_id(one),
        name=person.name,
        email=person.email,
        phone=person.phone,
        birth_date=person.birth_date,
        address={"line_1": person.address_line, "postal_code": person.postal_code, "country": "US"},
        metadata={"made_up": one.entry.value, "beside": f"household-{one.number}"},
    )
