"""Errors on the wire: RFC 9457 problem details that also carry the dialect's error members."""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Literal, TypeAlias

import msgspec
import psycopg
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from msgspec import UNSET, UnsetType
from psycopg import errors as postgres
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from kaquan.api.if_match import PreconditionFailed
from kaquan.api.rate_limit import RateExceeded
from kaquan.api.request_id import request_id_of
from kaquan.campaigns import InUse, RuleNotSupported
from kaquan.checkout import Contended
from kaquan.connectors import BadSignature
from kaquan.experiments import ExperimentConflict
from kaquan.insight import NotReady
from kaquan.runtime import (
    AnswerErased,
    Duplicate,
    InvalidInput,
    KaquanError,
    KeyInFlight,
    KeyReused,
    NotFound,
    Unavailable,
)
from kaquan.segments import SegmentInUse
from kaquan.trust import RoleRefused

PROBLEM_MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1

AnyRequest: TypeAlias = Request[Any, Any, Any]

_log = structlog.get_logger("kaquan.api")


class NotSupported(KaquanError):
    """The dialect knows this, and this server does not do it yet; it is never faked."""

    key = "not_supported"

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message, field=field)
        self.field = field


class Unauthorized(KaquanError):
    """The request shows no key, or not a valid one."""

    key = "unauthorized"


class Forbidden(KaquanError):
    """The key is valid, but not for this."""

    key = "forbidden"


class KeyScopeExceeded(KaquanError):
    """The key is valid, but its scope does not cover this."""

    key = "key_scope"


class ReasonView(msgspec.Struct, frozen=True):
    """One reason for a refusal: its code, its parameters, and a sentence to read out."""

    code: str
    params: dict[str, int | str]
    message: str


class SaidError(msgspec.Struct, frozen=True):
    """What the merchant wants to be said to whoever does not meet a rule."""

    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was not answered as asked.

    ``type``, ``title``, ``status`` and ``detail`` are RFC 9457's; ``code``, ``key``, ``message``,
    ``details``, ``request_id`` and ``resource_*`` are the dialect's. ``key`` is stable; ``field``
    is the path to what was wrong with the request; ``reasons`` are all that a rule had against it,
    and ``error`` has the merchant's own words about that.
    """

    type: str
    title: str
    status: int
    detail: str
    code: int
    key: str
    message: str
    details: str
    request_id: str
    object: Literal["error"] = "error"
    field: str | UnsetType = UNSET
    resource_id: str | UnsetType = UNSET
    resource_type: str | UnsetType = UNSET
    reasons: list[ReasonView] | UnsetType = UNSET
    error: SaidError | UnsetType = UNSET


def problem_of(
    status: int,
    key: str,
    message: str,
    *,
    request_id: str,
    field: str | None = None,
    missing: NotFound | None = None,
) -> Problem:
    """Make a problem with its two sets of members agreeing."""
    return Problem(
        type=f"urn:kaquan:problem:{key}",
        title=_title(key),
        status=status,
        detail=message,
        code=status,
        key=key,
        message=_MESSAGES.get(key, _title(key)),
        details=message,
        request_id=request_id,
        field=field or UNSET,
        resource_id=UNSET if missing is None else missing.object_id,
        resource_type=UNSET if missing is None else missing.kind.replace(" ", "_"),
    )


_MESSAGES = {"not_found": "Resource not found"}
"""What the dialect says in ``message`` where that is not the key in words."""


def _title(key: str) -> str:
    return key.replace("_", " ").capitalize()


def answer_problem(problem: Problem, headers: dict[str, str] | None = None) -> Response[Problem]:
    """Wrap a problem as a response."""
    return Response(
        problem,
        status_code=problem.status,
        media_type=PROBLEM_MEDIA_TYPE,
        headers=headers,
    )


_STATUS: tuple[tuple[type[KaquanError], HTTPStatus], ...] = (
    (NotFound, HTTPStatus.NOT_FOUND),
    (Duplicate, HTTPStatus.CONFLICT),
    (InUse, HTTPStatus.CONFLICT),
    (SegmentInUse, HTTPStatus.CONFLICT),
    (ExperimentConflict, HTTPStatus.CONFLICT),
    (NotReady, HTTPStatus.CONFLICT),
    (KeyInFlight, HTTPStatus.CONFLICT),
    (AnswerErased, HTTPStatus.CONFLICT),
    (PreconditionFailed, HTTPStatus.PRECONDITION_FAILED),
    (KeyReused, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Unauthorized, HTTPStatus.UNAUTHORIZED),
    (BadSignature, HTTPStatus.UNAUTHORIZED),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (RoleRefused, HTTPStatus.FORBIDDEN),
    (RateExceeded, HTTPStatus.TOO_MANY_REQUESTS),
    (KeyScopeExceeded, HTTPStatus.FORBIDDEN),
    (NotSupported, HTTPStatus.NOT_IMPLEMENTED),
    (RuleNotSupported, HTTPStatus.NOT_IMPLEMENTED),
    (Contended, HTTPStatus.SERVICE_UNAVAILABLE),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)


def handle_kaquan_error(request: AnyRequest, error: KaquanError) -> Response[Problem]:
    """Answer an error of ours: everything that is not listed above is the caller's to mend."""
    status = next(
        (status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.BAD_REQUEST
    )
    field = error.details.get("field")
    misread_query = request.method == "GET" and error.key == InvalidInput.key
    problem = problem_of(
        status,
        "invalid_query_params" if misread_query else error.key,
        error.message,
        request_id=request_id_of(request.scope),
        field=_wire_name(field) if isinstance(field, str) else None,
        missing=error if isinstance(error, NotFound) else None,
    )
    wait = error.details.get("retry_after_s")
    if wait is None and status is HTTPStatus.SERVICE_UNAVAILABLE:
        wait = RETRY_AFTER_S
    return answer_problem(problem, None if wait is None else {"Retry-After": str(wait)})


_WIRE_NAMES = {
    "starts_at": "start_date",
    "expires_at": "expiration_date",
    "birth_date": "birthdate",
    "price_minor": "price",
    "quantity": "redemption.quantity",
    "offer": "kaquan.offer",
    "definition": "kaquan.definition",
    "budget_minor": "kaquan.budget_minor",
    "per_customer_cap": "kaquan.per_customer_cap",
    "holdout_bps": "kaquan.holdout_bps",
    "open_to_holdout": "kaquan.open_to_holdout",
}
"""What rooms call a field, and what the wire calls it."""

_HEAD = re.compile(r"[a-z_]+")


def _wire_name(field: str) -> str:
    head = _HEAD.match(field)
    if head is None:
        return field
    return _WIRE_NAMES.get(head[0], head[0]) + field[head.end() :]


_HTTP_KEYS = {
    400: "invalid_payload",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "query_too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
}


def handle_http_exception(request: AnyRequest, error: HTTPException) -> Response[Problem]:
    """Answer what the framework refused before a route's own code ran."""
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return handle_unexpected(request, error)
    key = _HTTP_KEYS.get(error.status_code, "bad_request")
    detail, field = error.detail, None
    if isinstance(error, ValidationException):
        detail, field = _first_violation(error)
        key = "invalid_payload" if field is None else "invalid_query_params"
    problem = problem_of(
        error.status_code, key, detail, request_id=request_id_of(request.scope), field=field
    )
    return answer_problem(problem, error.headers)


def _first_violation(error: ValidationException) -> tuple[str, str | None]:
    """Say what is wrong with which query parameter; None stands for the body as a whole."""
    match error.extra:
        case [{"message": str(), "key": "data"}, *_]:
            return "The request needs a JSON body.", None
        case [{"message": str(message), "key": str(key)}, *_]:
            return f"{message} ({key}).", key
        case _:
            return error.detail, None


def handle_database_error(request: AnyRequest, error: Exception) -> Response[Problem]:
    """Answer what PostgreSQL, or the way to it, refused."""
    status, key, message = _read_database_error(error)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        return handle_unexpected(request, error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("database_trouble", key=key, error=str(error))
    problem = problem_of(status, key, message, request_id=request_id_of(request.scope))
    busy = status is HTTPStatus.SERVICE_UNAVAILABLE
    return answer_problem(problem, {"Retry-After": str(RETRY_AFTER_S)} if busy else None)


def _read_database_error(error: Exception) -> tuple[HTTPStatus, str, str]:
    match error:
        case postgres.DiskFull():
            message = "The database's disk is full."
            return HTTPStatus.INSUFFICIENT_STORAGE, "storage_full", message
        case postgres.ProgramLimitExceeded() | postgres.StatementTooComplex():
            message = "A value is larger than can be stored."
            return HTTPStatus.BAD_REQUEST, "invalid_payload", message
        case psycopg.DataError():
            message = "A value is outside of what can be stored."
            return HTTPStatus.BAD_REQUEST, "invalid_payload", message
        case postgres.UniqueViolation():
            message = "An object with the same identifier exists already."
            return HTTPStatus.CONFLICT, "duplicate_found", message
        case postgres.ForeignKeyViolation() | postgres.RestrictViolation():
            message = "The object is in use, or refers to something that does not exist."
            return HTTPStatus.CONFLICT, "resource_in_use", message
        case postgres.DeadlockDetected() | postgres.SerializationFailure():
            message = "The request met another one on the same objects; try again."
            return HTTPStatus.SERVICE_UNAVAILABLE, "try_again", message
        case psycopg.OperationalError() | PoolTimeout() | PoolClosed() | TooManyRequests():
            message = "The database does not answer."
            return HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", message
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", ""


def handle_unexpected(request: AnyRequest, error: Exception) -> Response[Problem]:
    """Answer a fault of ours without telling its insides; the log has them."""
    request_id = request_id_of(request.scope)
    _log.error("unexpected_error", request_id=request_id, exc_info=error)
    message = "Something went wrong on the server; the request id leads to its log."
    return answer_problem(problem_of(500, "internal_error", message, request_id=request_id))


def api_exception_handlers() -> dict[
    int | type[Exception], Callable[[AnyRequest, Any], Response[Problem]]
]:
    """How the API answers exceptions, for an application or a router."""
    return {
        KaquanError: handle_kaquan_error,
        HTTPException: handle_http_exception,
        psycopg.Error: handle_database_error,
        Exception: handle_unexpected,
    }
