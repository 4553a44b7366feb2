"""Withdrawing from messages: by the button, and by a mail program."""

import re

import pytest
from httpx import AsyncClient

from kaquan.customers import CustomerDraft, may_contact, record_consent, upsert_customer
from kaquan.outreach import EMAIL, MARKETING, UNSUBSCRIBE_PATH, unsubscribe_signer
from kaquan.runtime import Database, Project, Tx
from storefront.conftest import NOW

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


async def agreed(tx: Tx) -> tuple[str, str]:
    """A customer who agreed to mail: the id, and the path of the link in a message to them."""
    person = await upsert_customer(
        tx, CustomerDraft(source_id="C-1", email="li@shop.example"), now=NOW
    )
    await record_consent(
        tx, person.id, channel=EMAIL, purpose=MARKETING, granted=True, source="form", now=NOW
    )
    token = (await unsubscribe_signer(tx)).sign(person.id, channel=EMAIL)
    return person.id, UNSUBSCRIBE_PATH + token


async def wants_mail(database: Database, project: Project, customer_id: str) -> bool:
    async with database.transaction(project.project_id) as tx:
        return await may_contact(tx, customer_id, channel=EMAIL, purpose=MARKETING)


@pytest.mark.parametrize(
    ("language", "question", "answer_words"),
    [
        ("en", "Unsubscribe from offers?", "You have been unsubscribed"),
        ("zh", "确定退订优惠信息？", "已为您退订"),
    ],
)
async def test_looking_asks_and_the_button_withdraws(
    stranger: AsyncClient,
    tx: Tx,
    database: Database,
    project: Project,
    language: str,
    question: str,
    answer_words: str,
) -> None:
    customer_id, path = await agreed(tx)
    await tx.commit()
    heads = {"accept-language": language}
    page = await stranger.get(path, headers=heads)
    assert question in page.text
    assert project.name in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert await wants_mail(database, project, customer_id)
    assert f'action="{path}"' in page.text
    for _ in range(2):
        done = await stranger.post(path, headers=heads)
        assert done.status_code == 200
        assert answer_words in done.text
    assert not await wants_mail(database, project, customer_id)


async def test_a_mail_program_withdraws_without_cookies_or_a_page(
    stranger: AsyncClient, tx: Tx, database: Database, project: Project
) -> None:
    customer_id, path = await agreed(tx)
    await tx.commit()
    answer = await stranger.post(path, data=ONE_CLICK)
    assert answer.status_code == 200
    assert not await wants_mail(database, project, customer_id)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_links_that_do_not_hold_look_the_same_and_change_nothing(
    stranger: AsyncClient, tx: Tx, database: Database, project: Project, method: str
) -> None:
    customer_id, path = await agreed(tx)
    await tx.commit()
    pages: set[str] = set()
    for wrong in (path[:-4] + "AAAA", path[:-1], UNSUBSCRIBE_PATH + "x", path + "%00"):
        answer = await stranger.request(method, wrong)
        assert answer.status_code == 404
        pages.add(re.sub(r'value="[^"]*"', "", answer.text))
    assert len(pages) == 1
    assert await wants_mail(database, project, customer_id)
