"""What is left of each limit, less what this request has already drawn."""

from kaquan.engine.candidate import Candidate
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.trace import Check


class Limits:
    """Keeps count over one decision, so that two vouchers of a campaign share what it has left."""

    def __init__(self) -> None:
        self._uses: dict[str, int] = {}
        self._money: dict[str, int] = {}

    def copy(self) -> "Limits":
        """The same counts, to go on from separately."""
        twin = Limits()
        twin._uses = self._uses.copy()
        twin._money = self._money.copy()
        return twin

    def count_uses(self, candidate: Candidate) -> int:
        """Uses that earlier candidates of this request took of the candidate's campaign."""
        return 0 if candidate.campaign_id is None else self._uses.get(candidate.campaign_id, 0)

    def check_uses(self, candidate: Candidate) -> list[Check]:
        """One check for each limit on uses that the candidate has."""
        drawn = self.count_uses(candidate)
        limits = (
            ("uses_left", candidate.uses_left, ReasonCode.USES_EXHAUSTED, 0),
            (
                "campaign_uses_left",
                candidate.campaign_uses_left,
                ReasonCode.CAMPAIGN_USES_EXHAUSTED,
                drawn,
            ),
            (
                "customer_uses_left",
                candidate.customer_uses_left,
                ReasonCode.CUSTOMER_USES_EXHAUSTED,
                drawn,
            ),
        )
        checks: list[Check] = []
        for code, stored, refusal, taken in limits:
            if stored is not None:
                left = stored - taken
                reason = None if left >= 1 else Reason(refusal)
                checks.append(Check.of("limits", code, reason, inputs={"left": left}))
        return checks

    def check_budget(self, candidate: Candidate, needed_minor: int) -> Check | None:
        """Whether the budget covers the whole discount; None when there is no budget."""
        if candidate.budget_left_minor is None:
            return None
        left = candidate.budget_left_minor
        if candidate.campaign_id is not None:
            left -= self._money.get(candidate.campaign_id, 0)
        inputs = {"needed_minor": needed_minor, "left_minor": left}
        reason = None
        if needed_minor > left:
            params = {**inputs, "missing_minor": needed_minor - left}
            reason = Reason(ReasonCode.BUDGET_EXHAUSTED, params)
        return Check.of("limits", "budget_left_minor", reason, inputs=inputs)

    def draw(self, candidate: Candidate, discount_minor: int) -> None:
        """Take one use and the discount."""
        campaign = candidate.campaign_id
        if campaign is not None:
            self._uses[campaign] = self._uses.get(campaign, 0) + 1
            self._money[campaign] = self._money.get(campaign, 0) + discount_minor
