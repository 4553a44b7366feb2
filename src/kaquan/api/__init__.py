"""The HTTP edge: wire shapes, routes and errors over the rooms' verbs."""

from kaquan.api.app import api_routers, create_app
from kaquan.api.problems import api_exception_handlers

__all__ = ["api_exception_handlers", "api_routers", "create_app"]
