"""Who buys how: RFM scores as of the end of the data, and the segments made of them."""

from typing import Any

from kaquan.cli.demo.work import Done, Progress, Work
from kaquan.segments import (
    RFM_BANDS,
    create_segment,
    evaluate_segment,
    list_segments,
    score_rfm,
)

LAPSING = "Lapsing but valuable"
_LAPSING_RULE: dict[str, Any] = {
    "all": [
        {"attribute": "rfm.recency_score", "operator": "at_most", "value": 2},
        {"attribute": "rfm.monetary_score", "operator": "at_least", "value": 4},
    ]
}
"""Among the two fifths who stayed away longest, and the two fifths who spent most."""


async def score_households(work: Work, progress: Progress) -> Done:
    """Score recency, frequency and spend, as of the day after the last purchase."""
    async with work.transaction() as tx:
        scored = await score_rfm(tx, as_of=work.dataset.day_after())
    progress.reach(scored, scored)
    return Done(rows=scored)


async def build_segments(work: Work, progress: Progress) -> Done:
    """Create a segment for each RFM band, and the one that the new campaign is for."""
    rules = {
        band.label_en: {"attribute": "rfm.band", "operator": "is", "value": band.code}
        for band in RFM_BANDS
    }
    rules[LAPSING] = _LAPSING_RULE
    async with work.transaction() as tx:
        known = {segment.name: segment.id for segment in await list_segments(tx)}
        lapsing = 0
        for done, (name, rule) in enumerate(rules.items(), start=1):
            segment_id = known.get(name)
            if segment_id is None:
                segment_id = (await create_segment(tx, name, rule, now=work.now)).id
            members = await evaluate_segment(tx, segment_id, now=work.now)
            lapsing = members if name == LAPSING else lapsing
            progress.reach(done, len(rules))
    return Done(rows=len(rules), figures={"lapsing": lapsing})
