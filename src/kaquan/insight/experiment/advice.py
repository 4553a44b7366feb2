"""What to do after an experiment: roll an arm out, stop, go on, or say nothing yet, and why."""

import math
from datetime import UTC, tzinfo
from enum import StrEnum

import msgspec

from kaquan.insight.experiment.compare import Comparison, always_valid_half_width
from kaquan.insight.experiment.results import ExperimentResults
from kaquan.insight.experiment.verdict import Language, name_arm

SMALLEST_ARM = 100
"""With fewer customers in an arm, amounts that few large orders make up tell too little."""
_MOST_TIMES = 100
_POWER_Z = 0.841621


class Course(StrEnum):
    """What to do."""

    DISTRUST = "distrust"
    WAIT = "wait"
    TOO_FEW = "too_few"
    ROLL_OUT = "roll_out"
    STOP = "stop"
    GO_ON = "go_on"
    NOTHING_TO_GAIN = "nothing_to_gain"


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """What to do about an experiment.

    ``arm`` is the arm that it is about, ``also`` others that did certainly better than the control.
    ``counted`` is how many customers have counted, in the smallest arm when they are too few.
    ``needed`` is how many in all would make the difference certain four times in five, were it truly
    as large as it looks. ``from_day`` is when the next results come.
    """

    course: Course
    arm: str = ""
    also: tuple[str, ...] = ()
    counted: int = 0
    needed: int | None = None
    from_day: str = ""
    control: str = ""


def advise(results: ExperimentResults, *, zone: tzinfo = UTC) -> Advice:
    """Return what follows from the results, by the experiment's own metric; days are ``zone``'s.

    Arms are only told apart from the control here: which of two good arms is the better one is the
    question of the same results read with one of them as the control.
    """
    reading, control = results.reading, results.control
    if reading.distrusted:
        return Advice(course=Course.DISTRUST, control=control)
    if results.next_at is not None:
        return Advice(
            course=Course.WAIT,
            from_day=f"{results.next_at.astimezone(zone):%Y-%m-%d}",
            control=control,
        )
    smallest = min(results.sizes, key=lambda size: size.counted)
    known = [one for one in reading.comparisons if isinstance(one, Comparison)]
    if smallest.counted < SMALLEST_ARM or not known:
        return Advice(
            course=Course.TOO_FEW, arm=smallest.arm, counted=smallest.counted, control=control
        )
    known.sort(key=lambda one: -one.difference.value)
    best = known[0]
    better = [one.arm for one in known if one.certain and one.difference.value > 0]
    counted = sum(size.counted for size in results.sizes)
    if better:
        return Advice(
            course=Course.ROLL_OUT,
            arm=better[0],
            also=tuple(better[1:]),
            counted=counted,
            control=control,
        )
    if all(one.certain for one in known):
        return Advice(course=Course.STOP, arm=best.arm, counted=counted, control=control)
    return Advice(
        course=Course.GO_ON if best.difference.value > 0 else Course.NOTHING_TO_GAIN,
        arm=best.arm,
        counted=counted,
        needed=needed_in_all(best, counted),
        control=control,
    )


def needed_in_all(seen: Comparison, counted: int) -> int | None:
    """Return how many customers in all, shared out as now, would make a difference certain.

    With a chance of 80 %, by bounds that hold at all times and are narrowest at that number, were
    the true difference as large as the one seen: N = n·((f + z₀.₈)·se/d)², where f·se is the half
    width of these bounds. None for more than a hundred times as many, and for no difference at all.
    """
    gap = seen.difference
    reach = always_valid_half_width(1.0, 1, planned_n=1) + _POWER_Z
    if gap.value == 0:
        return None
    times = (reach * gap.standard_error / gap.value) ** 2
    return None if times > _MOST_TIMES else math.ceil(counted * max(times, 1.0))


_SENTENCES: dict[Course, dict[Language, str]] = {
    Course.DISTRUST: {
        "en": "Decide nothing yet: the sizes of the arms do not fit their shares.",
        "zh": "先不要下决定：各组人数与计划的比例不符，要先查明原因。",
    },
    Course.WAIT: {
        "en": "Wait: more results come on {from_day}.",
        "zh": "请等待：{from_day} 还有新的结果。",
    },
    Course.TOO_FEW: {
        "en": "Nothing can be recommended: only {counted:,} customers have counted in the arm"
        " {arm}, and fewer than {least} tell too little.",
        "zh": "无法给出建议：{arm} 组只有 {counted:,} 人计入，少于 {least} 人说明不了什么。",
    },
    Course.ROLL_OUT: {
        "en": "Roll out {arm}: it did better than {control}, and chance does not explain it.",
        "zh": "建议推广 {arm}：效果好于 {control}，不是偶然。",
    },
    Course.STOP: {
        "en": "Stop: every arm did worse than {control}, and chance does not explain it.",
        "zh": "建议停止：各组效果都不如 {control}，不是偶然。",
    },
    Course.GO_ON: {
        "en": "Do not roll out yet: {arm} looks best, but that may be chance.",
        "zh": "先不要推广：{arm} 看起来最好，但可能只是偶然。",
    },
    Course.NOTHING_TO_GAIN: {
        "en": "Do not roll out: no arm looks better than {control}.",
        "zh": "不建议推广：没有一组看起来好于 {control}。",
    },
}
_ALSO: dict[Language, str] = {
    "en": " So did {also}: compare the two before you choose the dearer one.",
    "zh": "{also} 也好于对照：选成本更高的之前，先把两者相比。",
}
_NEEDED: dict[Language, str] = {
    "en": " If it truly is as different as it looks, {needed:,} customers in all (so far"
    " {counted:,}) would show it four times in five.",
    "zh": "如果真实差异和现在看到的一样大，共 {needed:,} 位客户（目前 {counted:,} 位）"
    "时有八成机会得出结论。",
}
_HOPELESS: dict[Language, str] = {
    "en": " To be sure of so small a difference would take more than {times} times as many"
    " customers.",
    "zh": "要确认这么小的差异，需要超过 {times} 倍的客户。",
}


def say_advice(advice: Advice, language: Language) -> str:
    """Say what to do, in a sentence or two."""
    text = _SENTENCES[advice.course][language].format(
        arm=name_arm(advice.arm, language),
        control=name_arm(advice.control, language),
        counted=advice.counted,
        from_day=advice.from_day,
        least=SMALLEST_ARM,
    )
    if advice.also:
        joint = "、" if language == "zh" else " and "
        text += _ALSO[language].format(
            also=joint.join(name_arm(one, language) for one in advice.also)
        )
    if advice.course in (Course.GO_ON, Course.NOTHING_TO_GAIN):
        if advice.needed is None:
            text += _HOPELESS[language].format(times=_MOST_TIMES)
        else:
            text += _NEEDED[language].format(needed=advice.needed, counted=advice.counted)
    return text
