"""Certain channels (指定渠道)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.conditions.condition import (
    CONDITIONS,
    Condition,
    Finding,
    Verdict,
    met,
    unmet,
)
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import Reason, ReasonCode


@CONDITIONS.register
class InChannel(Condition, frozen=True, kw_only=True):
    """The order comes through one of the channels; without a channel nobody can say."""

    code: ClassVar[str] = "in_channel"

    channels: Annotated[frozenset[str], msgspec.Meta(min_length=1)]

    def check(self, facts: Facts) -> Finding:
        channel = facts.context.channel
        if channel is None:
            return Finding(Verdict.UNKNOWN, {}, Reason(ReasonCode.CHANNEL_REQUIRED))
        inputs = {"channel": channel}
        if channel in self.channels:
            return met(inputs)
        return unmet(inputs, Reason(ReasonCode.WRONG_CHANNEL))
