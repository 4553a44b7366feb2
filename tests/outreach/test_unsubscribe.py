"""Links to unsubscribe: genuine ones withdraw, once; anything else is not found."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from kaquan.customers import list_consents, may_contact
from kaquan.outreach import (
    EMAIL,
    MARKETING,
    UnsubscribeLink,
    open_unsubscribe_token,
    unsubscribe,
    unsubscribe_signer,
    unsubscribe_url,
)
from kaquan.runtime import Database, NotFound, Project, create_project
from outreach.shop import NOW, consent, open_shop


async def test_a_genuine_link_withdraws_once_and_for_its_channel(
    database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        shop = await open_shop(tx, ["ann@example.com", "bea@example.com"])
        ann, bea = (customer.id for customer in shop.customers)
        token = (await unsubscribe_signer(tx)).sign(ann, channel=EMAIL)
    for later in (1, 2):
        async with database.transaction() as tx:
            link = await unsubscribe(tx, token, now=NOW + timedelta(hours=later))
            assert link == UnsubscribeLink(project.project_id, EMAIL, ann)
    async with database.transaction(project.project_id) as tx:
        assert not await may_contact(tx, ann, channel=EMAIL, purpose=MARKETING)
        assert await may_contact(tx, bea, channel=EMAIL, purpose=MARKETING)
        history = await list_consents(tx, ann)
        assert [(one.granted, one.source) for one in history] == [
            (False, "unsubscribe link"),
            (True, "test"),
        ]


async def test_an_old_link_withdraws_again_after_consent_was_given_anew(
    database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        shop = await open_shop(tx, ["ann@example.com"])
        ann = shop.customers[0].id
        token = (await unsubscribe_signer(tx)).sign(ann, channel=EMAIL)
        await unsubscribe(tx, token, now=NOW)
        await consent(tx, shop.customers, granted=True)
        assert await may_contact(tx, ann, channel=EMAIL, purpose=MARKETING)
        await unsubscribe(tx, token, now=NOW)
        assert not await may_contact(tx, ann, channel=EMAIL, purpose=MARKETING)


async def test_reading_a_link_changes_nothing(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        shop = await open_shop(tx, ["ann@example.com"])
        ann = shop.customers[0].id
        token = (await unsubscribe_signer(tx)).sign(ann, channel=EMAIL)
    async with database.transaction() as tx:
        assert (await open_unsubscribe_token(tx, token)).customer_id == ann
        assert await may_contact(tx, ann, channel=EMAIL, purpose=MARKETING)


async def test_what_is_not_genuine_is_not_found(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        shop = await open_shop(tx, ["ann@example.com"])
        ann = shop.customers[0].id
        signer = await unsubscribe_signer(tx)
    async with database.transaction() as tx:
        other = await create_project(
            tx, "Other", currency="EUR", time_zone="UTC", language="en", now=NOW
        )
    genuine = signer.sign(ann, channel=EMAIL)
    forged = {
        "empty": "",
        "not base64": "*" * 40,
        "not ASCII": "券" * 40,
        "short": genuine[:20],
        "other key": replace(signer, key=bytes(32)).sign(ann, channel=EMAIL),
        "other project's name": replace(signer, project_id=other.project_id).sign(
            ann, channel=EMAIL
        ),
        "no such project": replace(signer, project_id=2**31 - 1).sign(ann, channel=EMAIL),
        "impossible project": replace(signer, project_id=2**31).sign(ann, channel=EMAIL),
        "changed tag": ("B" if genuine[0] == "A" else "A") + genuine[1:],
        "changed end": genuine[:-1] + ("B" if genuine[-1] == "A" else "A"),
        "padded": genuine + "=",
        "endless": genuine * 100,
    }
    for name, token in forged.items():
        async with database.transaction() as tx:
            with pytest.raises(NotFound) as caught:
                await unsubscribe(tx, token, now=NOW)
        assert caught.value.message == "There is no unsubscribe link 'of this address'.", name
    async with database.transaction(project.project_id) as tx:
        assert await may_contact(tx, ann, channel=EMAIL, purpose=MARKETING)


def test_the_address_follows_the_public_url() -> None:
    for base in ("https://shop.example", "https://shop.example/"):
        assert unsubscribe_url(base, "token") == "https://shop.example/u/token"
