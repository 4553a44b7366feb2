"""Browser files: found by plain name, served for ever under a hashed one."""

import gzip
import json
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from kaquan.console import AssetsMissing, load_assets
from kaquan.console.assets import list_missing_files, read_manifest


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("vendor/tabler.css", "text/css; charset=utf-8"),
        ("vendor/htmx.js", "text/javascript; charset=utf-8"),
        ("vendor/icons.svg", "image/svg+xml"),
        ("css/kaquan.css", "text/css; charset=utf-8"),
        ("storefront/storefront.css", "text/css; charset=utf-8"),
    ],
)
async def test_a_file_is_served_for_ever(
    pages: AsyncTestClient[Litestar], name: str, media_type: str
) -> None:
    asset = load_assets().by_name[name]
    answer = await pages.get(asset.url)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == asset.content == gzip.decompress(asset.gzipped)


async def test_a_browser_without_gzip_gets_the_plain_file(
    pages: AsyncTestClient[Litestar],
) -> None:
    asset = load_assets().by_name["js/shell.js"]
    answer = await pages.get(asset.url, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in answer.headers
    assert answer.content == asset.content


@pytest.mark.parametrize(
    "path",
    [
        "/static/css/kaquan.css",
        "/static/vendor/manifest.json",
        "/static/../assets.py",
        "/static/%2e%2e/assets.py",
        "/static/css/kaquan.000000000000.css",
    ],
)
async def test_only_hashed_names_are_served(pages: AsyncTestClient[Litestar], path: str) -> None:
    assert (await pages.get(path)).status_code == 404


def test_an_unknown_icon_is_an_error() -> None:
    with pytest.raises(KeyError, match="unicorn"):
        load_assets().icon_url("unicorn")


def test_missing_files_are_explained(tmp_path: Path) -> None:
    with pytest.raises(AssetsMissing, match=r"python hatch_build\.py"):
        read_manifest(tmp_path)


def test_lost_files_are_named(tmp_path: Path) -> None:
    names = {"a.js": "a.1.js", "b.css": "b.2.css", "c.js": "c.3.js"}
    (tmp_path / "manifest.json").write_text(json.dumps({"files": names, "icons": []}), "utf-8")
    for there in ("a.1.js", "a.1.js.gz", "b.2.css"):
        (tmp_path / there).touch()
    assert list_missing_files(tmp_path) == ["b.css", "c.js"]
