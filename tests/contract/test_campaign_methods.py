"""Campaigns, vouchers, categories and publications: each method through the official client."""

# The client's packages export by plain imports, which the type checker takes for private ones.
# pyright: reportPrivateImportUsage=false

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import voucherify
from voucherify import models
from voucherify.exceptions import ApiException, BadRequestException, NotFoundException

from contract.samples import campaign, problem_of, voucher
from kaquan.campaigns import VoucherWork
from kaquan.runtime import Database, JobServices, load_settings, run_worker

HOURS = {"daily": [{"start_time": "09:00", "expiration_time": "11:00", "days_of_week": [2, 4]}]}


async def work_off(postgres_url: str, database: Database) -> None:
    """Do the jobs that are waiting."""
    services = JobServices(database=database, settings=load_settings())
    await run_worker(postgres_url, services, until_empty=True)


def test_categories(client: voucherify.ApiClient) -> None:
    api = voucherify.CategoriesApi(client)
    made = api.create_category(models.CategoriesCreateRequestBody(name="First", hierarchy=1))
    assert made.id is not None
    changed = api.update_category(made.id, models.CategoriesUpdateRequestBody(hierarchy=7))
    assert (changed.name, changed.hierarchy) == ("First", 7)
    assert api.get_category(made.id).hierarchy == 7
    assert [one.name for one in api.list_categories().data or []] == ["First"]
    held = voucherify.CampaignsApi(client).create_campaign(campaign("C", category_id=made.id))
    assert held.category_id == made.id
    assert [one.id for one in held.categories or []] == [made.id]
    with pytest.raises(ApiException) as used:
        api.delete_category(made.id)
    assert problem_of(used)["status"] == 409
    assert held.id is not None
    changed_campaign = voucherify.CampaignsApi(client).update_campaign(
        held.id, models.CampaignsUpdateRequestBody.model_validate({"category_id": None})
    )
    assert changed_campaign.category_id is None
    api.delete_category(made.id)
    with pytest.raises(NotFoundException):
        api.get_category(made.id)


def test_a_campaigns_time_and_flags_are_kept_changed_and_cleared(
    client: voucherify.ApiClient,
) -> None:
    api = voucherify.CampaignsApi(client)
    made = api.create_campaign(
        campaign(
            "Timed",
            description="All of it",
            type="STATIC",
            join_once=True,
            vouchers_count=3,
            start_date=datetime(2026, 1, 1, tzinfo=UTC),
            expiration_date=datetime(2036, 1, 1, tzinfo=UTC),
            validity_timeframe={"interval": "P2D", "duration": "P1D"},
            validity_day_of_week=[0, 1, 2],
            activity_duration_after_publishing="P24D",
            metadata={"a": 1},
        )
    )
    assert made.id is not None
    assert (made.type, made.join_once, made.vouchers_count) == ("STATIC", True, 3)
    assert made.validity_timeframe is not None
    assert (made.validity_timeframe.interval, made.validity_timeframe.duration) == ("P2D", "P1D")
    assert made.validity_day_of_week == [0, 1, 2]
    assert made.activity_duration_after_publishing == "P24D"
    changed = api.update_campaign(
        made.id,
        models.CampaignsUpdateRequestBody.model_validate(
            {
                "description": None,
                "expiration_date": None,
                "validity_hours": HOURS,
                "metadata": {"b": 2},
                "unset_metadata_fields": ["a"],
                "type": "AUTO_UPDATE",
            }
        ),
    )
    assert (changed.description, changed.expiration_date) == (None, None)
    assert changed.validity_hours is not None
    assert changed.validity_hours.to_dict() == HOURS
    assert (changed.metadata, changed.type) == ({"b": 2}, "AUTO_UPDATE")
    api.disable_campaign(made.id)
    assert api.get_campaign(made.id).active is False
    api.enable_campaign(made.id)
    assert api.get_campaign("Timed").active is True


def test_a_programme_is_a_campaign_of_cards(client: voucherify.ApiClient) -> None:
    body = models.CampaignsCreateRequestBody.from_dict(
        {
            "campaign_type": "LOYALTY_PROGRAM",
            "name": "Club",
            "vouchers_count": 1,
            "voucher": {
                "type": "LOYALTY_CARD",
                "loyalty_card": {"points": 50},
                "code_config": {"length": 8},
            },
        }
    )
    api = voucherify.CampaignsApi(client)
    made = api.create_campaign(body)
    assert (made.campaign_type, made.vouchers_count) == ("LOYALTY_PROGRAM", 1)
    assert api.get_campaign("Club").campaign_type == "LOYALTY_PROGRAM"
    found = voucherify.VouchersApi(client).list_vouchers(campaign="Club").vouchers or []
    assert [one.loyalty_card.balance for one in found if one.loyalty_card] == [50]


def test_a_referral_programme(client: voucherify.ApiClient) -> None:
    api = voucherify.CampaignsApi(client)
    made = api.create_campaign(campaign("Friends", campaign_type="REFERRAL_PROGRAM"))
    assert made.campaign_type == "REFERRAL_PROGRAM"
    assert made.referral_program is not None
    assert made.referral_program.conversion_event_type == "redemption"
    found = (
        api.list_campaigns(campaign_type=models.ParameterCampaignType.REFERRAL_PROGRAM).campaigns
        or []
    )
    assert [one.name for one in found] == ["Friends"]
    codes = voucherify.VouchersApi(client).list_vouchers(campaign="Friends").vouchers or []
    assert all(one.is_referral_code for one in codes)


def test_lists_of_campaigns(client: voucherify.ApiClient) -> None:
    api = voucherify.CampaignsApi(client)
    for name in ("A", "B", "C"):
        api.create_campaign(campaign(name))
    api.disable_campaign("B")
    assert [one.name for one in api.list_campaigns(limit=2).campaigns or []] == ["C", "B"]
    assert [one.name for one in api.list_campaigns(limit=2, page=2).campaigns or []] == ["A"]
    by_time = api.list_campaigns(order=models.ParameterOrderListCampaigns.CREATED_AT)
    assert [one.name for one in by_time.campaigns or []] == ["A", "B", "C"]
    assert api.list_campaigns(campaign_type=models.ParameterCampaignType.GIFT_VOUCHERS).total == 0
    named = models.ParameterFiltersListCampaigns.from_dict(
        {"campaigns": {"conditions": {"$in": ["A", "C"]}}}
    )
    assert api.list_campaigns(filters=named).total == 2
    others = models.ParameterFiltersListCampaigns.from_dict(
        {"campaigns": {"conditions": {"$is_not": "A"}}}
    )
    assert api.list_campaigns(filters=others).total == 2


async def test_adding_vouchers_to_a_campaign(
    client: voucherify.ApiClient, postgres_url: str, database: Database
) -> None:
    api = voucherify.CampaignsApi(client)
    made = api.create_campaign(campaign("Growing"))
    assert made.id is not None
    one = api.add_vouchers_to_campaign(made.id)
    assert one.campaign_id == made.id
    many = api.add_vouchers_to_campaign(
        made.id,
        vouchers_count=5,
        campaigns_vouchers_create_in_bulk_request_body=models.CampaignsVouchersCreateInBulkRequestBody.model_validate(
            {"code_config": {"prefix": "X-"}, "metadata": {"m": 1}, "category": "Given"}
        ),
    )
    assert many.async_action_id is not None
    action = voucherify.AsyncActionsApi(client).get_async_action(many.async_action_id)
    assert action.status == "DONE"
    listed = voucherify.VouchersApi(client).list_vouchers(code="X-", campaign="Growing")
    assert listed.total == 5
    first = (listed.vouchers or [])[0]
    assert (first.metadata, first.category) == ({"m": 1}, "Given")
    named = api.add_voucher_with_specific_code_to_campaign(
        made.id,
        "MINE",
        models.CampaignsVouchersCreateRequestBody.model_validate(
            {"redemption": {"quantity": 7}, "additional_info": "Hello"}
        ),
    )
    assert named.redemption is not None
    assert (named.code, named.redemption.quantity, named.additional_info) == ("MINE", 7, "Hello")
    imported = api.import_vouchers_to_campaign(
        made.id,
        [
            models.CampaignsImportVoucherItem.model_validate(
                {"code": "IN-1", "metadata": {"a": 1}}
            ),
            models.CampaignsImportVoucherItem.model_validate({"code": "IN-2", "active": False}),
            models.CampaignsImportVoucherItem.model_validate({"code": "MINE"}),
        ],
    )
    from_file = api.import_vouchers_to_campaign_using_csv(
        made.id, b"\xef\xbb\xbfCode;Redemption Limit;colour\nCSV-1;3;red\n;1;\n"
    )
    assert imported.async_action_id is not None
    assert from_file.async_action_id is not None
    asked = voucherify.AsyncActionsApi(client).get_async_action(imported.async_action_id)
    assert (asked.type, asked.status) == (VoucherWork.IMPORT_TO_CAMPAIGN.upper(), "ENQUEUED")
    await work_off(postgres_url, database)
    actions = voucherify.AsyncActionsApi(client)
    result = actions.get_async_action(imported.async_action_id).result or {}
    assert [result[name] for name in ("done_count", "failed_count", "message")] == [
        2,
        1,
        "2 voucher(s) imported successfully, 1 failed.",
    ]
    reason = "There is a voucher with this code already."
    assert result["failed"] == [{"code": "MINE", "row": 3, "line": 3, "reason": reason}]
    (report,) = result["reports"]
    async with httpx.AsyncClient() as browser:
        assert reason in (await browser.get(report)).text
    told = actions.get_async_action(from_file.async_action_id).result or {}
    assert (told["done_count"], told["failed_count"]) == (1, 1)
    vouchers = voucherify.VouchersApi(client)
    assert vouchers.get_voucher("IN-1").metadata == {"a": 1}
    assert vouchers.get_voucher("IN-2").active is False
    from_csv = vouchers.get_voucher("CSV-1")
    assert from_csv.redemption is not None
    assert (from_csv.redemption.quantity, from_csv.metadata) == (3, {"colour": "red"})


def test_deleting_a_campaign(client: voucherify.ApiClient) -> None:
    api = voucherify.CampaignsApi(client)
    made = api.create_campaign(campaign("Gone", vouchers_count=2))
    assert made.id is not None
    deleted = api.delete_campaign(made.id, force=True)
    assert deleted.async_action_id is not None
    action = voucherify.AsyncActionsApi(client).get_async_action(deleted.async_action_id)
    assert action.status == "DONE"
    with pytest.raises(NotFoundException):
        api.get_campaign(made.id)


def test_the_summary_of_a_campaign(client: voucherify.ApiClient) -> None:
    api = voucherify.CampaignsApi(client)
    made = api.create_campaign(campaign("Summed", vouchers_count=1))
    assert made.id is not None
    api.add_voucher_with_specific_code_to_campaign(made.id, "SUM")
    redeem = models.RedemptionsRedeemRequestBody.model_validate(
        {"redeemables": [{"object": "voucher", "id": "SUM"}], "order": {"amount": 5_000}}
    )
    done = voucherify.RedemptionsApi(client).redeem_stacked_discounts(redeem)
    with pytest.raises(BadRequestException):
        voucherify.RedemptionsApi(client).redeem_stacked_discounts(redeem)
    assert done.redemptions
    assert done.redemptions[0].id is not None
    voucherify.RedemptionsApi(client).rollback_redemption(done.redemptions[0].id)
    summed = api.get_campaign_summary(made.id)
    assert (summed.redemptions_succeeded, summed.redemptions_failed) == (1, 1)
    assert (summed.rollbacks_succeeded, summed.vouchers_created) == (1, 2)
    assert (summed.orders_amount, summed.discounted_amount) == (5_000, 500)
    assert (summed.orders_rolledback_amount, summed.rolledback_discounted_amount) == (5_000, 500)


def test_vouchers(client: voucherify.ApiClient) -> None:
    api = voucherify.VouchersApi(client)
    made = api.generate_random_code(
        voucher(
            code="NEW-WELCOME",
            category="New Customers",
            start_date=datetime(2016, 1, 1, tzinfo=UTC),
            expiration_date=datetime(2036, 1, 1, tzinfo=UTC),
            validity_timeframe={"duration": "PT1H", "interval": "P2D"},
            validity_day_of_week=[1, 2, 3],
            active=False,
            additional_info="Inactive until enabled.",
            redemption={"quantity": 10},
            metadata={"test": True},
        )
    )
    assert (made.code, made.active, made.validity_day_of_week) == ("NEW-WELCOME", False, [1, 2, 3])
    changed = api.update_voucher(
        "NEW-WELCOME",
        models.VouchersUpdateRequestBody.model_validate(
            {
                "additional_info": None,
                "expiration_date": None,
                "category": "Old",
                "metadata": {"test": None, "more": 2},
                "type": "DISCOUNT_VOUCHER",
                "discount": {"type": "PERCENT", "percent_off": 5},
            }
        ),
    )
    assert changed.discount is not None
    assert (changed.discount.percent_off, changed.metadata) == (5, {"more": 2})
    assert changed.additional_info is None
    assert (changed.expiration_date, changed.category) == (None, "Old")
    assert api.enable_voucher("NEW-WELCOME").active is True
    assert api.disable_voucher("NEW-WELCOME").active is False
    with pytest.raises(ApiException) as taken:
        api.create_voucher(
            "NEW-WELCOME",
            models.VouchersCreateWithSpecificCodeRequestBody.model_validate(voucher().to_dict()),
        )
    assert problem_of(taken)["status"] == 409
    api.delete_voucher("NEW-WELCOME", force=True)
    with pytest.raises(NotFoundException):
        api.get_voucher("NEW-WELCOME")


def test_lists_of_vouchers(client: voucherify.ApiClient) -> None:
    api = voucherify.VouchersApi(client)
    made = [api.generate_random_code(voucher(code=code)) for code in ("L-1", "L-2", "M-3")]
    api.generate_random_code(voucher(code="N-4", category="Four"))
    assert [one.code for one in api.list_vouchers().vouchers or []] == ["N-4", "M-3", "L-2", "L-1"]
    by_code = api.list_vouchers(order=models.ParameterOrderVouchers.CODE, limit=2)
    assert [one.code for one in by_code.vouchers or []] == ["L-1", "L-2"]
    assert api.list_vouchers(code="L-").total == 2
    assert api.list_vouchers(category="Four").total == 1
    ids = [one.id for one in made if one.id is not None]
    assert api.list_vouchers(ids=ids[:2]).total == 2
    after = models.ParameterCreatedBeforeAfter(after=datetime(2000, 1, 1, tzinfo=UTC))
    assert api.list_vouchers(created_at=after).total == 4
    before = models.ParameterUpdatedBeforeAfter(before=datetime(2000, 1, 1, tzinfo=UTC))
    assert api.list_vouchers(updated_at=before).total == 0


async def test_vouchers_in_numbers(
    client: voucherify.ApiClient, postgres_url: str, database: Database
) -> None:
    api = voucherify.VouchersApi(client)
    work = [
        api.import_vouchers(
            [
                models.VouchersImportCreateItemRequestBody.model_validate(
                    {"code": f"J-{number}", **voucher(metadata={"n": number}).to_dict()}
                )
                for number in range(3)
            ]
        ).async_action_id,
        api.import_vouchers_using_csv(
            b"Code,Voucher Type,Value,Discount Type,colour\n"
            b"F-1,DISCOUNT_VOUCHER,10,PERCENT,red\nF-2,DISCOUNT_VOUCHER,5.50,AMOUNT,\n"
            b"F-3,GIFT_VOUCHER,20,,blue\nF-4,DISCOUNT_VOUCHER,none,AMOUNT,\n"
        ).async_action_id,
    ]
    await work_off(postgres_url, database)
    actions = voucherify.AsyncActionsApi(client)
    counts: list[tuple[int, int]] = []
    for one in work:
        assert one is not None
        result = actions.get_async_action(one).result or {}
        counts.append((result["done_count"], result["failed_count"]))
    assert counts == [(3, 0), (3, 1)]
    percent, amount, gift = (api.get_voucher(f"F-{number}") for number in (1, 2, 3))
    assert percent.discount is not None
    assert percent.discount.percent_off == 10
    assert amount.discount is not None
    assert amount.discount.amount_off == 550
    assert gift.gift is not None
    assert gift.gift.balance == 2_000
    bulk = api.update_vouchers_in_bulk(
        [
            models.VouchersUpdateInBulkItemRequestBody(code="J-0", metadata={"own": 1}),
            models.VouchersUpdateInBulkItemRequestBody(code="NONE", metadata={"own": 1}),
        ]
    )
    same = api.update_vouchers_metadata_in_bulk(
        models.VouchersMetadataUpdateInBulkRequestBody(codes=["J-1", "J-2"], metadata={"s": "x"})
    )
    await work_off(postgres_url, database)
    assert bulk.async_action_id is not None
    assert same.async_action_id is not None
    told = actions.get_async_action(bulk.async_action_id).result or {}
    assert (told["done_count"], told["failed_count"]) == (1, 1)
    assert api.get_voucher("J-0").metadata == {"n": 0, "own": 1}
    assert api.get_voucher("J-2").metadata == {"n": 2, "s": "x"}


def test_publications(client: voucherify.ApiClient) -> None:
    api = voucherify.PublicationsApi(client)
    voucherify.CampaignsApi(client).create_campaign(campaign("Pool", vouchers_count=1))
    person = models.Customer(source_id="li")

    def publish(**more: Any) -> models.PublicationsCreateResponseBody:
        body = models.PublicationsCreateRequestBody.model_validate(
            {"campaign": {"name": "Pool"}, "customer": {"source_id": "li"}, **more}
        )
        return api.create_publication(publications_create_request_body=body)

    first, second = publish(), publish()
    assert first.vouchers != second.vouchers
    several = publish(campaign={"name": "Pool", "count": 3}, source_id="batch")
    assert len(set(several.vouchers or [])) == 3
    assert several.vouchers_id is not None
    assert len(several.vouchers_id) == 3
    assert (
        publish(campaign={"name": "Pool", "count": 3}, source_id="batch").vouchers
        == several.vouchers
    )
    once = api.create_publication1(
        customer=models.Customer(source_id="wang"),
        join_once=True,
        campaign=models.CreatePublicationCampaign(name="Pool"),
    )
    again = api.create_publication1(
        customer=models.Customer(source_id="wang"),
        join_once=True,
        campaign=models.CreatePublicationCampaign(name="Pool"),
    )
    assert once.vouchers == again.vouchers
    assert person.source_id == "li"
    listed = api.list_publications(campaign="Pool", customer="li", limit=10)
    assert listed.total == 5
    assert api.list_publications(source_id="batch").total == 1
    assert api.list_publications(result=models.ParameterResultListPublications.FAILURE).total == 0
    ordered = api.list_publications(order=models.ParameterOrderListPublications.VOUCHER_CODE)
    codes = [one.voucher.code for one in ordered.publications or [] if one.voucher is not None]
    assert codes == sorted(code for code in codes if code is not None)
