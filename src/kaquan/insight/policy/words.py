"""Why a policy is certified or not, in a sentence that names the figures."""

from kaquan.insight.allocation import FEWEST_OUTCOMES, Certificate, Reason

TOO_FEW_ROWS = "too_few_rows"
NO_FEATURES = "no_features"
ONE_ARM = "one_arm"


def say_why(certificate: Certificate, *, reason: str, best: str, rows: int) -> str:
    """Say what the certificate's reason means here; ``best`` describes the uniform policy."""
    found = certificate.difference
    figures = (
        f"{found.value:+.4g} per customer, 95 % interval {found.low:.4g} to {found.high:.4g}"
        if found is not None
        else "not measured"
    )
    sentences = {
        Reason.BETTER: f"Personal arms beat {best} at equal spend: {figures}.",
        Reason.COVERS_ZERO: f"Personal arms are not known to beat {best}: {figures}."
        + _say_needed(certificate, rows),
        Reason.WORSE: f"The personal policy learnt here did no better than {best}: {figures}."
        " No number of rows would certify it.",
        Reason.TOO_FEW_OUTCOMES: f"Fewer than {FEWEST_OUTCOMES} outcomes on a side of the"
        f" comparison with {best}: an interval would look narrower than it is.",
        Reason.ALL_ALIKE: "The training rows show no difference between customers that would"
        f" change anybody's arm: {best}.",
        Reason.NO_VARIANCE: "Every outcome is the same, so no arm can be told from another.",
        Reason.NO_CHOICE: f"The budget leaves nothing to choose: {best}.",
        Reason.NOT_RANDOM: "Arms cannot be taken as drawn by chance (see the statements), so no"
        f" difference can be put down to them. Best by what was recorded: {best}.",
        TOO_FEW_ROWS: f"{rows} training rows are too few to learn who should get what; the best"
        f" single choice is {best}.",
        NO_FEATURES: f"No column tells customers apart; the best single choice is {best}.",
    }
    return sentences[reason]


def _say_needed(certificate: Certificate, rows: int) -> str:
    if certificate.rows_needed is None:
        return ""
    return (
        f" If it is as large as it looks, about {max(certificate.rows_needed, rows + 1):,} rows"
        f" would show it, against {rows:,}."
    )


def say_silence(reason: str, arm: str) -> str:
    """Say why nothing can be said, and what was done: ``arm`` for everybody."""
    sentences = {
        ONE_ARM: "Fewer than two arms have enough training rows: nothing can be compared.",
        Reason.NO_VARIANCE: "Every training outcome is the same: no arm can be told from another.",
        Reason.NO_CHOICE: "No arm that can be valued is within the budget.",
    }
    return (
        f"{sentences[reason]} What any policy would bring cannot be said; {arm}, the cheapest arm,"
        " is written for every row."
    )
