"""The HTTP edge: wire shapes, routes and errors over the rooms' verbs."""

from kaquan.api.app import api_routers, create_app
from kaquan.api.attempts import AttemptReason, view_reason
from kaquan.api.body import read_json
from kaquan.api.documentation import describe_routes
from kaquan.api.orders import OrderBody, draft_order
from kaquan.api.problems import api_exception_handlers
from kaquan.api.values import read_moment

__all__ = [
    "AttemptReason",
    "OrderBody",
    "api_exception_handlers",
    "api_routers",
    "create_app",
    "describe_routes",
    "draft_order",
    "read_json",
    "read_moment",
    "view_reason",
]
