"""Certain channels (指定渠道)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding
from kaquan.engine.conditions.one_of import OneOf
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import ReasonCode

_ASKED = OneOf(name="channel", missing=ReasonCode.CHANNEL_REQUIRED, wrong=ReasonCode.WRONG_CHANNEL)


@CONDITIONS.register
class InChannel(Condition, frozen=True, kw_only=True):
    """The order comes through one of the channels; without a channel nobody can say."""

    code: ClassVar[str] = "in_channel"

    channels: Annotated[frozenset[str], msgspec.Meta(min_length=1)]

    def check(self, facts: Facts) -> Finding:
        return _ASKED.check(facts.context.channel, self.channels)
