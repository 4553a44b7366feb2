"""The OpenAPI document at ``/docs/openapi.json`` and its page at ``/docs``."""

from typing import Any

import msgspec
from litestar import Litestar
from litestar.constants import OPENAPI_JSON_HANDLER_NAME
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import Method
from litestar.types.internal_types import PathParameterDefinition

from kaquan import __version__
from kaquan.api.call import APP_ID, APP_TOKEN
from kaquan.api.client_key import CLIENT_ID, CLIENT_TOKEN
from kaquan.api.completion import complete_document
from kaquan.api.management_key import MANAGEMENT_ID, MANAGEMENT_TOKEN
from kaquan.api.write_key import WRITE_KEY

_HEADERS = (APP_ID, APP_TOKEN, CLIENT_ID, CLIENT_TOKEN, MANAGEMENT_ID, MANAGEMENT_TOKEN)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Kaquan API</title>
<link rel="icon" href="data:,">
<script type="module" src="{script}"></script>
</head>
<body>
<rapi-doc spec-url="{document}" load-fonts="false" render-style="read" schema-style="table"
          show-header="false">
</rapi-doc>
</body>
</html>
"""


class LocalRapiDoc(OpenAPIRenderPlugin):
    """RapiDoc from this server's own files: the page asks no other host for anything."""

    def __init__(self, script: str) -> None:
        super().__init__(path="/rapidoc", favicon="")
        self._script = script

    def render(self, request: Any, openapi_schema: dict[str, Any]) -> bytes:
        """Write the page."""
        document = request.app.route_reverse(OPENAPI_JSON_HANDLER_NAME)
        return _PAGE.format(script=self._script, document=document).encode()


class WholeDocument(JsonRenderPlugin):
    """The document with what its generator does not know, written once."""

    def __init__(self) -> None:
        super().__init__()
        self._written: bytes | None = None

    def render(self, request: Any, openapi_schema: dict[str, Any]) -> bytes:
        """Write the document."""
        if self._written is None:
            self._written = msgspec.json.encode(describe_routes(request.app))
        return self._written


def describe_routes(app: Litestar) -> dict[str, Any]:
    """Return the OpenAPI document of an application, which need not be running."""
    return complete_document(app, app.openapi_schema.to_schema())


def describe_api(script: str | None) -> OpenAPIConfig:
    """Configure the document; without the address of RapiDoc's ``script`` there is no page."""
    pages = [] if script is None else [LocalRapiDoc(script)]
    return OpenAPIConfig(
        title="Kaquan API",
        version=__version__,
        description="The dialect of the official Voucherify clients, over Kaquan's own rooms.",
        path="/docs",
        render_plugins=[*pages, WholeDocument()],
        components=Components(
            security_schemes={
                WRITE_KEY: SecurityScheme(type="http", scheme="basic"),
                **{
                    name: SecurityScheme(type="apiKey", name=name, security_scheme_in="header")
                    for name in _HEADERS
                },
            }
        ),
        security=[{APP_ID: [], APP_TOKEN: []}],
        use_handler_docstrings=True,
        operation_id_creator=_name_operation,
    )


def _name_operation(
    handler: HTTPRouteHandler,
    http_method: Method,
    path_components: list[str | PathParameterDefinition],
) -> str:
    """Name an operation by its method and address, as ``get_v1_vouchers_by_code``."""
    parts = [
        part.replace("-", "_") if isinstance(part, str) else f"by_{part.name}"
        for part in path_components
    ]
    return "_".join([http_method.lower(), *parts])
