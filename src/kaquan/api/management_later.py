"""Parts of the management API that this server does not do yet."""

from typing import Any

from litestar import Router
from litestar.handlers import HTTPRouteHandler

from kaquan.api.problems import NotSupported
from kaquan.api.routes import reads, removes, writes

_BRANDS = "/projects/{project_id:str}/branding"
_BRAND = f"{_BRANDS}/{{branding_id:str}}"


def _refusing(decorate: Any) -> HTTPRouteHandler:
    # A handler of its own for each route: Litestar names the operation after the function.
    async def refuse() -> None:
        """Brands are not supported yet: pages and messages have the project's name and one look."""
        message = "Brands are not supported yet."
        raise NotSupported(message, field="branding")

    return decorate(refuse)


def management_later_router() -> Router:
    """Routes that answer 501."""
    routes = [
        reads(_BRANDS, "List brands"),
        writes("POST", _BRANDS, "Create brand"),
        reads(_BRAND, "Get brand"),
        writes("PUT", _BRAND, "Update brand"),
        removes(_BRAND, "Delete brand"),
    ]
    return Router(path="/", route_handlers=list(map(_refusing, routes)), tags=["Not yet"])
