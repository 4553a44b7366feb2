"""Distributions and the changes of segments over HTTP: from the start to what was sent."""

from typing import Any

from litestar import Litestar
from litestar.testing import AsyncTestClient

from kaquan.customers import record_consents
from kaquan.outreach import EMAIL, MARKETING, default_template
from kaquan.runtime import Database, Project, run_worker, utc_now
from kaquan.runtime.jobs import JobServices
from kaquan.runtime.settings import load_settings
from kaquan.segments import keep_members

Client = AsyncTestClient[Litestar]
PATH = "/v1/kaquan/distributions"
ASKED = {"campaign_id": "Spring", "segment_id": "everybody"}
LETTER = "<mjml><mj-body><mj-raw><p>{{ unsubscribe_url }}</p></mj-raw></mj-body></mjml>"


async def open_shop(api: Client, *, codes: int | None) -> list[str]:
    """Two customers, a segment of both, a campaign of so many codes; returns the ids of the two."""
    ids = [
        (await api.post("/v1/customers", json={"source_id": name, "email": f"{name}@example.com"}))
        .json()["id"]
        for name in ("ann", "bob")
    ]  # fmt: skip
    rule = {"attribute": "source_id", "operator": "has_value"}
    body = {"name": "everybody", "kaquan": {"definition": rule}}
    assert (await api.post("/v1/segments", json=body)).status_code == 200
    body = {
        "name": "Spring",
        "campaign_type": "DISCOUNT_COUPONS",
        "type": "AUTO_UPDATE" if codes is None else "STATIC",
        "vouchers_count": codes or 0,
        "voucher": {"discount": {"type": "AMOUNT", "amount_off": 500}},
        "kaquan": {"holdout_bps": 0},
    }
    answer = await api.post("/v1/campaigns", json=body)
    assert answer.status_code == 200, answer.text
    return ids


async def test_a_campaign_is_sent_to_a_segment_once(
    api: Client, database: Database, project: Project, postgres_url: str
) -> None:
    """Asked for twice with the same key, it is sent once, to whoever agreed to it."""
    ann, _ = await open_shop(api, codes=None)
    async with database.transaction(project.project_id) as tx:
        await record_consents(
            tx, [ann], channel=EMAIL, purpose=MARKETING, granted=True, source="test", now=utc_now()
        )
    headers = {"Idempotency-Key": "distribution-of-spring"}
    template = {"subject": "For {{ customer.source_id }}", "language": "zh"}
    body = ASKED | {"template": template}
    started = (await api.post(PATH, json=body, headers=headers)).json()
    assert (await api.post(PATH, json=body, headers=headers)).json() == started
    assert (started["status"], started["template"]["subject"]) == ("pending", template["subject"])
    assert started["template"]["mjml"] == default_template("zh").mjml
    await run_worker(postgres_url, JobServices(database, load_settings()), until_empty=True)
    done = (await api.get(f"{PATH}/{started['id']}")).json()
    figures = ("status", "audience", "held_out", "published", "unreachable", "error")
    assert [done[name] for name in figures] == ["done", 2, 0, 2, 1, None]
    assert done["messages"] == {"kept": 1, "queued": 0, "sending": 0, "sent": 0, "failed": 0}
    assert (await api.get(PATH)).json()["total"] == 1


async def test_what_failed_is_resumed(
    api: Client, database: Database, project: Project, postgres_url: str
) -> None:
    await open_shop(api, codes=1)
    started = (await api.post(PATH, json=ASKED)).json()
    services = JobServices(database, load_settings())
    await run_worker(postgres_url, services, until_empty=True)
    failed = (await api.get(PATH, params={"status": "failed"})).json()
    assert [one["error"] for one in failed["data"]] == [
        "The campaign 'Spring' has 1 vouchers left to give."
    ]
    assert (await api.post("/v1/campaigns/Spring/vouchers")).status_code == 200
    resumed = (await api.post(f"{PATH}/{started['id']}/resume")).json()
    assert (resumed["status"], resumed["error"]) == ("pending", None)
    await run_worker(postgres_url, services, until_empty=True)
    again = (await api.post(f"{PATH}/{started['id']}/resume")).json()
    assert (again["status"], again["published"]) == ("done", 2)
    assert (await api.get(PATH, params={"status": "failed"})).json()["total"] == 0


REFUSED: list[tuple[int, str, str, dict[str, Any] | None, str | None]] = [
    (404, "GET", "/none", None, None),
    (404, "POST", "/none/resume", None, None),
    (400, "GET", "?order=size", None, "order"),
    (400, "GET", "?status=lost", None, "status"),
    (400, "POST", "", {"campaign_id": "Spring"}, "segment_id"),
    (404, "POST", "", ASKED | {"campaign_id": "Autumn"}, None),
    (400, "POST", "", ASKED | {"campaign_id": "Offers"}, "campaign_id"),
    (404, "POST", "", ASKED | {"segment_id": "nobody"}, None),
    (400, "POST", "", ASKED | {"template": {"language": "fr"}}, "template.language"),
    (400, "POST", "", ASKED | {"template": {"subject": "{{ x"}}, "template.subject"),
    (400, "POST", "", ASKED | {"template": {"mjml": "<mjml/>"}}, "template.mjml"),
    (400, "POST", "", ASKED | {"template": {"mjml": LETTER + "<p>"}}, "template.mjml"),
]


async def test_refuses(api: Client) -> None:
    await open_shop(api, codes=None)
    promotion = {"name": "Offers", "campaign_type": "PROMOTION"}
    assert (await api.post("/v1/campaigns", json=promotion)).status_code == 200
    for status, method, path, body, field in REFUSED:
        answer = await api.request(method, PATH + path, json=body)
        told = answer.json()
        assert (answer.status_code, told.get("field")) == (status, field), (path, body, told)
    assert (await api.get(PATH)).json()["total"] == 0


async def test_who_entered_a_segment_and_who_left(
    api: Client, database: Database, project: Project
) -> None:
    ann, _ = await open_shop(api, codes=None)
    steps: list[tuple[str, str, dict[str, str] | None]] = [
        ("GET", "/v1/segments/everybody", None),
        ("POST", "/v1/customers", {"source_id": "cy"}),
        ("POST", "/v1/customers", {"source_id": "dee"}),
        ("DELETE", "/v1/customers/ann", None),
    ]
    entered: list[str] = []
    for method, address, body in steps:
        answer = await api.request(method, address, json=body)
        entered += [answer.json()["id"]] if method == "POST" else []
        async with database.transaction(project.project_id) as tx:
            await keep_members(tx, now=utc_now())
    path = "/v1/kaquan/segments/everybody/changes"
    seen: list[tuple[str, bool]] = []
    last, more = 0, True
    while more:
        part = (await api.get(path, params={"after": last, "limit": 2})).json()
        seen += [(one["customer_id"], one["entered"]) for one in part["data"]]
        last, more = part["data"][-1]["id"], part["has_more"]
    assert seen == [*((one, True) for one in entered), (ann, False)]
    assert (await api.get(path, params={"after": last})).json()["data"] == []
    assert (await api.get(path, params={"after": -1})).status_code == 400
    assert (await api.get("/v1/kaquan/segments/none/changes")).status_code == 404
