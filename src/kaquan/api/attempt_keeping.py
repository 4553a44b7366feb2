"""Handing attempts to the process's gatherer, which stores them a moment later."""

from typing import cast

from kaquan.api.call import Call
from kaquan.api.problems import AnyRequest
from kaquan.checkout import AttemptGatherer, Tried


def gatherer_of(request: AnyRequest) -> AttemptGatherer:
    """The gatherer of this process."""
    return cast("AttemptGatherer", request.app.state.attempts)


def keep_attempt(request: AnyRequest, call: Call, tried: Tried) -> None:
    """Keep what was tried; the answer does not wait for it."""
    gatherer_of(request).keep(call.caller.project_id, tried)
