"""The browser's files: found once, kept in memory, served under names that never change meaning.

A file is asked for by its plain name (`css/kaquan.css`, `vendor/htmx.js`) and served under a
name with the hash of its content, so a browser may keep it for ever.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import mimetypes
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

STATIC_PATH = "/static"
CACHE_FOR_EVER = "public, max-age=31536000, immutable"

_ROOMS = Path(__file__).parent.parent
_OWN_FOLDERS = {"": _ROOMS / "console" / "static", "storefront/": _ROOMS / "storefront" / "static"}
_OWN_SUFFIXES = {".css", ".js", ".svg", ".webmanifest"}
_VENDOR = _ROOMS / "console" / "static" / "vendor"


class AssetsMissing(RuntimeError):
    """The pinned browser files have not been built yet; the text names the command."""


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """One file: its public address, its type, its bytes, and the same bytes gzipped."""

    url: str
    media_type: str
    content: bytes
    gzipped: bytes


class Assets(msgspec.Struct, frozen=True, kw_only=True):
    """All files by plain name, and the names of the icons in the sprite."""

    by_name: dict[str, Asset]
    icons: frozenset[str]

    def url(self, name: str) -> str:
        """The address of a file by its plain name; KeyError when there is no such file."""
        return self.by_name[name].url

    def icon_url(self, icon: str) -> str:
        """The address of an icon in the sprite; KeyError when package.json does not list it."""
        if icon not in self.icons:
            raise KeyError(icon)
        return f"{self.url('vendor/icons.svg')}#{icon}"


class _Manifest(msgspec.Struct, frozen=True):
    files: dict[str, str]
    icons: list[str]


@cache
def load_assets() -> Assets:
    """Read every file once.

    Raises:
        AssetsMissing: `static/vendor` has not been built.
    """
    manifest = read_manifest(_VENDOR)
    by_name = {f"vendor/{name}": _vendor_asset(file) for name, file in manifest.files.items()}
    for prefix, folder in _OWN_FOLDERS.items():
        for path in sorted(folder.rglob("*")):
            if path.suffix in _OWN_SUFFIXES and not path.is_relative_to(_VENDOR):
                name = prefix + path.relative_to(folder).as_posix()
                by_name[name] = _own_asset(name, path.read_bytes())
    return Assets(by_name=by_name, icons=frozenset(manifest.icons))


def list_missing_files(vendor: Path = _VENDOR) -> list[str]:
    """Plain names in the manifest of `vendor` whose file, or its gzipped copy, is not there.

    Raises:
        AssetsMissing: there is no manifest.
    """
    return [
        plain
        for plain, file in sorted(read_manifest(vendor).files.items())
        if not (vendor / file).is_file() or not (vendor / f"{file}.gz").is_file()
    ]


def read_manifest(vendor: Path) -> _Manifest:
    """The list that the build hook left in `vendor`, plain names to hashed ones."""
    try:
        content = (vendor / "manifest.json").read_bytes()
    except FileNotFoundError:
        raise AssetsMissing(
            "The console's browser files are not built. Run `pip install .` or, in a checkout, "
            "`python hatch_build.py`."
        ) from None
    return msgspec.convert(json.loads(content), _Manifest)


def _vendor_asset(file: str) -> Asset:
    path = _VENDOR / file
    return Asset(
        url=f"{STATIC_PATH}/vendor/{file}",
        media_type=_media_type(file),
        content=path.read_bytes(),
        gzipped=path.with_name(f"{file}.gz").read_bytes(),
    )


def _own_asset(name: str, content: bytes) -> Asset:
    stem, _, suffix = name.rpartition(".")
    digest = hashlib.sha256(content).hexdigest()[:12]
    return Asset(
        url=f"{STATIC_PATH}/{stem}.{digest}.{suffix}",
        media_type=_media_type(name),
        content=content,
        gzipped=gzip.compress(content, 9, mtime=0),
    )


def _media_type(name: str) -> str:
    guessed, _ = mimetypes.guess_type(name)
    return guessed or "application/octet-stream"


def static_handler(assets: Assets) -> HTTPRouteHandler:
    """The route that serves the files, from memory, gzipped for whoever takes it.

    The answers are compressed already: leave `/static/` out of the app's own compression.
    """
    by_url = {asset.url: asset for asset in assets.by_name.values()}

    @get(
        f"{STATIC_PATH}/{{file:path}}", include_in_schema=False, name="static", sync_to_thread=False
    )
    def serve_static(request: Request[Any, Any, Any], file: FromPath[str]) -> Response[bytes]:
        asset = by_url.get(f"{STATIC_PATH}/{file.lstrip('/')}")
        if asset is None:
            raise NotFoundException
        headers = {
            "Cache-Control": CACHE_FOR_EVER,
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(asset.content, media_type=asset.media_type, headers=headers)
        headers["Content-Encoding"] = "gzip"
        return Response(asset.gzipped, media_type=asset.media_type, headers=headers)

    return serve_static
