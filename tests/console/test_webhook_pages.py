"""Webhooks, sources and what was sent: whole ways through their pages by forms."""

import re

import pytest

from connectors.samples import encode, signed
from console.site import Browser
from console.test_settings import office as office
from console.test_settings import owner as owner
from console.test_settings import post
from kaquan.connectors import list_receipts, list_sources, receive_delivery
from kaquan.runtime import Database, Project, utc_now
from kaquan.webhooks import list_log, list_subscribers

HOOKS, SOURCES = "/console/settings/webhooks", "/console/settings/sources"
URL = "https://shop.example/hooks"
NEW = {"url": URL, "description": "Till", "format": "standard", "events": "voucher.created"}


async def test_a_webhooks_life(office: Browser, database: Database, project: Project) -> None:
    assert "No webhooks" in (await office.get(HOOKS)).text
    status, made = await post(office, f"{HOOKS}/new", HOOKS, NEW)
    secret = re.search(r"whsec_[\w+/=]+", made)
    assert status == 200
    assert secret is not None
    async with database.transaction(project.project_id) as tx:
        (endpoint,) = (await list_subscribers(tx, limit=9, page=1)).items
    assert (endpoint.url, endpoint.events, endpoint.active) == (URL, ("voucher.created",), True)
    here = f"{HOOKS}/{endpoint.id}"
    assert "whsec_" not in (await office.get(here)).text
    assert "Nothing was sent yet" in (await office.get(f"{here}/log")).text
    _, sent = await post(office, here, f"{here}/test")
    assert "webhook.test" in sent
    assert "Not sent yet." in sent
    async with database.transaction(project.project_id) as tx:
        (delivery,) = (await list_log(tx, endpoint.id)).items
    log = (await office.get(f"{here}/log?status=pending&q=test")).text
    assert delivery.id in log
    assert "Nothing matches" in (await office.get(f"{here}/log?status=failed")).text
    _, again = await post(office, here, f"{here}/log/{delivery.id}/replay")
    assert "It is being sent again." in again
    days = {"start": "2026-01-01", "end": "2026-01-02", "failed_only": "yes"}
    _, period = await post(office, f"{here}/log", f"{here}/replay", days)
    assert "Messages that are sent again: 0." in period
    status, rotated = await post(office, here, f"{here}/rotate", {"overlap": "24"})
    other = re.search(r"whsec_[\w+/=]+", rotated)
    assert other is not None
    assert other[0] != secret[0]
    _, off = await post(office, here, here, NEW | {"ordered": "yes"})
    assert "Switched off" in off
    status, refused = await post(office, here, f"{here}/test")
    assert status == 422
    assert "switch it on first" in refused
    _, gone = await post(office, here, f"{here}/delete")
    assert "The webhook is deleted." in gone
    assert (await office.get(here)).status_code == 404


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (NEW | {"url": "nowhere"}, "whole https address"),
        (NEW | {"url": "https://10.0.0.1/"}, "private network"),
        (NEW | {"events": "voucher.eaten"}, "no such event"),
        (NEW | {"url": ""}, "whole https address"),
    ],
)
async def test_what_is_wrong_with_a_webhook(
    office: Browser, form: dict[str, str], told: str
) -> None:
    status, page = await post(office, f"{HOOKS}/new", HOOKS, form)
    assert status == 422
    assert told in page
    assert "Till" in page


async def test_a_source_and_what_it_sent(
    office: Browser, database: Database, project: Project
) -> None:
    assert "No sources" in (await office.get(SOURCES)).text
    assert "Nothing came in yet" in (await office.get(f"{SOURCES}/receipts")).text
    form = {"kind": "woocommerce", "name": "Web shop", "secret": "a-long-secret"}
    _, made = await post(office, SOURCES, SOURCES, form)
    assert "Web shop" in made
    async with database.transaction(project.project_id) as tx:
        (source,) = (await list_sources(tx)).items
        raw = encode({"id": "no order"})
        headers = {
            "x-wc-webhook-signature": signed(raw, secret="a-long-secret"),
            "x-wc-webhook-topic": "order.created",
        }
        await receive_delivery(tx, source, headers=headers, body=raw, now=utc_now())
        (receipt,) = (await list_receipts(tx)).items
    listed = (await office.get(f"{SOURCES}/receipts?status=failed&source={source.id}&q=order")).text
    assert receipt.id in listed
    here = f"{SOURCES}/receipts/{receipt.id}"
    page = (await office.get(here)).text
    assert "no order" in page
    _, again = await post(office, here, f"{here}/retry")
    assert "It failed again." in again
    one = f"{SOURCES}/{source.id}"
    changed = {"name": "Shop 2", "active": "yes", "signing": "{}", "mapping": "{}"}
    status, refused = await post(office, one, one, changed)
    assert status == 422
    assert "see the reference of sources" in refused
    status, short = await post(office, SOURCES, SOURCES, form | {"secret": "short"})
    assert (status, "8 to 255" in short) == (422, True)
    _, gone = await post(office, one, f"{one}/delete")
    assert "The source is deleted." in gone
