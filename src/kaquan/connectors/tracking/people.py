"""Who a message is about: users by their ids, visitors by what their browsers are called."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from kaquan.connectors.apply import only_missing
from kaquan.connectors.store.told import advance_told_until, find_told_until
from kaquan.connectors.store.visits import Visitor, find_visitors, upsert_visitors
from kaquan.connectors.tracking.message import Message, MessageType
from kaquan.connectors.tracking.traits import draft_person
from kaquan.customers import (
    Customer,
    CustomerDraft,
    enter_customers,
    find_customer,
    merge_customers,
)
from kaquan.runtime import InvalidInput, KaquanError, Tx

_PREFIX = "anonymous:"
_AHEAD = timedelta(days=1)


class People:
    """The people of some messages, read and entered together."""

    def __init__(self, tx: Tx, *, by: str, now: datetime) -> None:
        self.errors: dict[str, KaquanError] = {}
        """Why an identify or alias message was not carried out, by its id."""

        self._tx, self._by, self._now = tx, by, now
        self._users: dict[str, str] = {}
        self._refused: dict[str, KaquanError] = {}
        self._visitors: dict[str, Visitor] = {}

    async def enter(self, messages: Sequence[Message]) -> None:
        """Enter everybody whom the messages, sorted by time, are about, and join who is one."""
        await self._enter_users(messages)
        for one in messages:
            if one.user_id is not None and one.user_id in self._refused:
                self.errors.setdefault(one.id, self._refused[one.user_id])
        anonymous = {one.anonymous_id for one in messages if one.anonymous_id is not None}
        anonymous |= {one.previous_id for one in messages if one.previous_id is not None}
        if not anonymous:
            return
        self._visitors = await find_visitors(self._tx, sorted(anonymous))
        for one in messages:
            if one.id in self.errors or one.user_id is None:
                continue
            if one.type is MessageType.ALIAS:
                await self._alias(one)
            elif one.type is MessageType.IDENTIFY and one.anonymous_id is not None:
                await self._link(one.anonymous_id, self._users[one.user_id], one.at)
        await self._enter_visitors([one for one in messages if one.user_id is None])

    def find(self, message: Message) -> str:
        """Return our id of whom a message is about."""
        if message.user_id is not None:
            return self._users[message.user_id]
        assert message.anonymous_id is not None
        return self._visitors[message.anonymous_id].customer_id

    async def _enter_users(self, messages: Sequence[Message]) -> None:
        told = [
            one for one in messages if one.type is MessageType.IDENTIFY and one.user_id is not None
        ]
        moments: dict[str, datetime] = {}
        for drafts in _in_rounds(await self._draft_told(told)):
            results = await self._enter([draft for _, draft in drafts])
            for (one, _), result in zip(drafts, results, strict=True):
                if isinstance(result, KaquanError):
                    self.errors[one.id] = _of_traits(result)
                else:
                    moments[f"user {one.user_id}"] = min(one.at, self._now + _AHEAD)
        if moments:
            await advance_told_until(self._tx, moments)
        # Also those whose traits were refused: other messages about them are good all the same.
        named = {one.user_id for one in messages if one.user_id is not None}
        plain = [CustomerDraft(source_id=one) for one in sorted(named - self._users.keys())]
        for draft, result in zip(plain, await self._enter(plain), strict=True):
            if isinstance(result, KaquanError):
                self._refused[str(draft.source_id)] = result

    async def _enter(self, drafts: Sequence[CustomerDraft]) -> list[Customer | KaquanError]:
        results = await enter_customers(self._tx, drafts, now=self._now) if drafts else []
        for draft, result in zip(drafts, results, strict=True):
            if isinstance(result, Customer):
                self._users[str(draft.source_id)] = result.id
        return results

    async def _draft_told(self, told: Sequence[Message]) -> list[tuple[Message, CustomerDraft]]:
        """What identify calls say; of one that is older than what was told before, what is new."""
        subjects = sorted({f"user {one.user_id}" for one in told})
        until = await find_told_until(self._tx, subjects) if subjects else {}
        drafts: list[tuple[Message, CustomerDraft]] = []
        for one in told:
            assert one.user_id is not None
            try:
                draft = draft_person(one.user_id, one.values)
            except InvalidInput as error:
                self.errors[one.id] = error
                continue
            latest = until.get(f"user {one.user_id}")
            if latest is not None and one.at < latest:
                known = await find_customer(self._tx, one.user_id)
                draft = draft if known is None else only_missing(draft, known)
            drafts.append((one, draft))
        return drafts

    async def _link(self, anonymous_id: str, customer_id: str, at: datetime) -> None:
        """Let a visitor be a user; what they did before they were known becomes the user's.

        Two users of one browser stay two: it is the later one's from then on.
        """
        visitor = self._visitors.get(anonymous_id)
        if visitor is not None and visitor.known and visitor.linked_at > at:
            return
        if visitor is not None and not visitor.known and visitor.customer_id != customer_id:
            await self._merge(customer_id, visitor.customer_id, "They identified themselves.")
        linked = Visitor(
            anonymous_id=anonymous_id, customer_id=customer_id, known=True, linked_at=at
        )
        self._visitors[anonymous_id] = linked
        await upsert_visitors(self._tx, [linked])

    async def _alias(self, message: Message) -> None:
        assert message.previous_id is not None
        assert message.user_id is not None
        customer_id = self._users[message.user_id]
        former = None
        if message.previous_id not in self._visitors:
            former = await find_customer(self._tx, message.previous_id)
        if former is None:
            await self._link(message.previous_id, customer_id, message.at)
        elif former.id != customer_id:
            await self._merge(customer_id, former.id, "An alias call says that both are one.")

    async def _merge(self, survivor_id: str, merged_id: str, reason: str) -> None:
        await merge_customers(
            self._tx, survivor_id, merged_id, by=self._by, reason=reason, now=self._now
        )
        for user_id, customer_id in self._users.items():
            if customer_id == merged_id:
                self._users[user_id] = survivor_id
        for anonymous_id, visitor in self._visitors.items():
            if visitor.customer_id == merged_id:
                self._visitors[anonymous_id] = Visitor(
                    anonymous_id=anonymous_id,
                    customer_id=survivor_id,
                    known=True,
                    linked_at=visitor.linked_at,
                )

    async def _enter_visitors(self, messages: Sequence[Message]) -> None:
        """Open records for visitors who are new and whom nobody is known to be."""
        fresh: dict[str, datetime] = {}
        for one in messages:
            if one.anonymous_id is not None and one.anonymous_id not in self._visitors:
                fresh.setdefault(one.anonymous_id, one.at)
        if not fresh:
            return
        named = sorted(fresh)
        drafts = [CustomerDraft(source_id=f"{_PREFIX}{one}") for one in named]
        results = await enter_customers(self._tx, drafts, now=self._now)
        refused = {n: r for n, r in zip(named, results, strict=True) if isinstance(r, KaquanError)}
        for one in messages:
            if one.anonymous_id in refused:
                self.errors[one.id] = refused[one.anonymous_id]
        entered = [
            Visitor(anonymous_id=n, customer_id=r.id, known=False, linked_at=fresh[n])
            for n, r in zip(named, results, strict=True)
            if isinstance(r, Customer)
        ]
        if entered:
            await upsert_visitors(self._tx, entered)
        self._visitors |= {one.anonymous_id: one for one in entered}


def _in_rounds(
    drafts: Sequence[tuple[Message, CustomerDraft]],
) -> list[list[tuple[Message, CustomerDraft]]]:
    """Each person's first word, then everybody's second, and so on: later ones see the earlier."""
    rounds: list[list[tuple[Message, CustomerDraft]]] = []
    count: dict[str | None, int] = {}
    for one, draft in drafts:
        place = count.get(one.user_id, 0)
        count[one.user_id] = place + 1
        if place == len(rounds):
            rounds.append([])
        rounds[place].append((one, draft))
    return [sorted(one, key=lambda pair: str(pair[1].source_id)) for one in rounds]


def _of_traits(error: KaquanError) -> KaquanError:
    """The error with the path that the sender knows: what the file calls metadata are traits."""
    if not isinstance(error, InvalidInput):
        return error
    names = {"birth_date": "birthday"}
    field = error.field.removeprefix("metadata.")
    path = "userId" if field == "source_id" else f"traits.{names.get(field, field)}"
    return InvalidInput(error.message, field=path, key=error.key)
