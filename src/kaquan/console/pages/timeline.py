"""A customer's timeline as entries that say in words what happened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from kaquan.campaigns import Campaign
from kaquan.checkout import get_redemption
from kaquan.console.language import translations
from kaquan.console.page import PageView
from kaquan.console.pages.names import campaigns_by_id
from kaquan.console.pages.reasons import refusal_in_words
from kaquan.console.pages.words import MESSAGE_STATES, ORDER_STATES
from kaquan.customers import OrderStatus, TimelineEntry, TimelineKind, customer_timeline
from kaquan.outreach import MessageStatus
from kaquan.runtime import Tx, format_money

ENTRIES = 20


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry as components/timeline.html shows it."""

    at: datetime
    icon: str
    title: str
    detail: str = ""
    href: str = ""
    tone: str = ""


class TimelinePart(msgspec.Struct, frozen=True):
    """A part of a timeline, newest first; `older` leads to the next part."""

    entries: list[Entry]
    older: str | None


async def read_timeline(tx: Tx, customer_id: str, *, page: PageView) -> TimelinePart:
    """The part of a customer's timeline that the address asks for by `before`.

    Raises InvalidInput for a `before` that is not of a timeline.
    """
    before = dict(page.query).get("before")
    found = await customer_timeline(tx, customer_id, limit=ENTRIES, before=before)
    campaigns = await campaigns_by_id(tx, [one.facts.get("campaign_id") for one in found.items])
    refusals = {
        one.id: refusal_in_words(await get_redemption(tx, one.id), page)
        for one in found.items
        if one.facts.get("result") == "FAILURE"
    }
    teller = _Teller(page, customer_id, campaigns=campaigns, refusals=refusals)
    return TimelinePart([teller.tell(one) for one in found.items], found.next_cursor)


class _Teller:
    """Says what an entry means, in the page's language."""

    def __init__(
        self,
        page: PageView,
        customer_id: str,
        *,
        campaigns: Mapping[str, Campaign],
        refusals: Mapping[str, str],
    ) -> None:
        self._page = page
        self._customer_id = customer_id
        self._campaigns = campaigns
        self._refusals = refusals

    def tell(self, entry: TimelineEntry) -> Entry:
        match entry.kind:
            case TimelineKind.ORDER:
                return self._order(entry)
            case TimelineKind.PUBLICATION:
                return self._publication(entry)
            case TimelineKind.MESSAGE:
                return self._message(entry)
            case TimelineKind.REDEMPTION:
                return self._redemption(entry)
            case TimelineKind.ROLLBACK:
                return self._rollback(entry)
            case TimelineKind.EVENT:
                return Entry(at=entry.at, icon="clock", title=entry.facts["name"])
            case TimelineKind.NOTE:
                say = self._catalogue.gettext
                by = say("Note by %(person)s") % {"person": entry.facts["written_by"]}
                return Entry(at=entry.at, icon="info-circle", title=entry.facts["text"], detail=by)
            case TimelineKind.POINTS:
                return self._points(entry)
            case TimelineKind.SESSION:
                return self._session(entry)
            case TimelineKind.VISIT:
                return self._visit(entry)
            case TimelineKind.SURVEY:
                return self._survey(entry)

    def _order(self, entry: TimelineEntry) -> Entry:
        say = self._catalogue.gettext
        count = entry.facts["line_count"]
        state = ORDER_STATES[OrderStatus(entry.facts["status"])]
        detail = say(state.word)
        if count:
            lines = self._catalogue.ngettext("%(num)d line", "%(num)d lines", count)
            goods = say(", ").join(entry.facts["lines"] or ())
            more = " …" if count > len(entry.facts["lines"] or ()) else ""
            detail = f"{lines % {'num': count}} · {detail}" + (f" · {goods}{more}" if goods else "")
        if entry.facts["location"]:
            detail = f"{detail} · {entry.facts['location']}"
        return Entry(
            at=entry.at,
            icon="shopping-cart",
            title=say("Order of %(amount)s") % {"amount": self._money(entry.facts["total_minor"])},
            detail=detail,
            href=f"/console/orders/{entry.id}",
        )

    def _publication(self, entry: TimelineEntry) -> Entry:
        return Entry(
            at=entry.at,
            icon="ticket",
            title=self._catalogue.gettext("Voucher published"),
            **self._campaign(entry),
        )

    def _message(self, entry: TimelineEntry) -> Entry:
        state = MESSAGE_STATES[MessageStatus(entry.facts["status"])]
        return Entry(
            at=entry.at,
            icon="mail",
            title=entry.facts["subject"],
            detail=self._catalogue.gettext(state.word),
            href=f"/console/outbox/{entry.id}",
            tone="red" if state.tone == "bad" else "",
        )

    def _redemption(self, entry: TimelineEntry) -> Entry:
        say = self._catalogue.gettext
        campaign = self._campaign(entry)
        if entry.facts["result"] == "FAILURE":
            reason = self._refusals[entry.id]
            return Entry(
                at=entry.at,
                icon="ban",
                title=say("Redemption refused"),
                detail=f"{reason} · {campaign['detail']}" if campaign["detail"] else reason,
                href=campaign["href"],
                tone="red",
            )
        given = self._money(entry.facts["discount_minor"])
        return Entry(
            at=entry.at,
            icon="scan",
            title=say("Redeemed: %(amount)s off") % {"amount": given},
            tone="green",
            **campaign,
        )

    def _rollback(self, entry: TimelineEntry) -> Entry:
        return Entry(
            at=entry.at,
            icon="arrow-back-up",
            title=self._catalogue.gettext("Redemption undone"),
            **self._campaign(entry),
        )

    def _points(self, entry: TimelineEntry) -> Entry:
        amount: int = entry.facts["amount"]
        words = self._catalogue.ngettext("%(num)s point", "%(num)s points", abs(amount))
        counted = words % {"num": f"{amount:+,d}"}
        return Entry(at=entry.at, icon="gift", title=counted, tone="green" if amount > 0 else "")

    def _session(self, entry: TimelineEntry) -> Entry:
        ngettext = self._catalogue.ngettext
        facts = entry.facts
        counts = [
            (facts["page_count"], ngettext("%(num)d page", "%(num)d pages", facts["page_count"])),
            (
                facts["product_count"],
                ngettext("%(num)d product", "%(num)d products", facts["product_count"]),
            ),
            (
                facts["added_count"],
                ngettext(
                    "%(num)d time into the cart",
                    "%(num)d times into the cart",
                    facts["added_count"],
                ),
            ),
        ]
        events = ngettext("%(num)d event", "%(num)d events", facts["event_count"])
        parts = [words % {"num": count} for count, words in counts if count]
        return Entry(
            at=entry.at,
            icon="search",
            title=self._catalogue.gettext("Looked around in the shop"),
            detail=" · ".join(parts) or events % {"num": facts["event_count"]},
            href=f"/console/customers/{self._customer_id}/sessions/{entry.id}",
        )

    def _visit(self, entry: TimelineEntry) -> Entry:
        place = entry.facts["location"] or entry.facts["metadata"].get("location_id", "")
        return Entry(
            at=entry.at,
            icon="home",
            title=self._catalogue.gettext("Visited a store"),
            detail=str(place),
        )

    def _survey(self, entry: TimelineEntry) -> Entry:
        say = self._catalogue.gettext
        told: Mapping[str, Any] = entry.facts["metadata"]
        parts = [str(told["comment"])] if told.get("comment") else []
        if told.get("score") is not None:
            parts.insert(0, say("%(score)d of 10") % {"score": told["score"]})
        answers: Mapping[str, Any] = told.get("answers") or {}
        parts += [f"{question}: {answer}" for question, answer in answers.items()]
        return Entry(
            at=entry.at,
            icon="chart-bar",
            title=say("Answered the survey “%(name)s”") % {"name": told.get("survey", "")},
            detail=" · ".join(parts),
        )

    def _campaign(self, entry: TimelineEntry) -> dict[str, Any]:
        campaign = self._campaigns.get(entry.facts.get("campaign_id") or "")
        if campaign is None:
            return {"detail": "", "href": ""}
        return {"detail": campaign.name, "href": f"/console/campaigns/{campaign.id}"}

    @property
    def _catalogue(self) -> Any:
        return translations(self._page.language)

    def _money(self, amount_minor: int) -> str:
        return format_money(
            amount_minor, currency=self._page.currency, language=self._page.language
        )
