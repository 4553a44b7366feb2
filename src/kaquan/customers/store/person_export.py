"""SQL of one person's data, whichever room recorded it."""

from collections.abc import Mapping
from typing import Any, LiteralString

import msgspec
from psycopg import sql

from kaquan.customers.sealing import unseal_rows, unseal_texts
from kaquan.customers.store.identities import list_recorded
from kaquan.customers.store.notes import NOTE_PLACES
from kaquan.runtime import Tx

_OF_PERSON: Mapping[str, tuple[LiteralString, LiteralString]] = {
    "profile": ("customer", "t.id = %(id)s"),
    "former_ids": ("customer_alias", "t.customer_id = %(id)s"),
    "consents": ("consent", "t.customer_id = %(id)s"),
    "orders": ("orders", "t.customer_id = %(id)s"),
    "order_lines": ("order_line", "t.customer_id = %(id)s"),
    "vouchers": ("voucher", "t.holder_id = %(id)s"),
    "referrals": ("referral", "%(id)s in (t.referrer_id, t.referee_id)"),
    "publications": ("publication", "t.customer_id = %(id)s"),
    "redemptions": ("redemption", "t.customer_id = %(id)s"),
    "returns": (
        "order_return",
        "t.order_id in (select id from orders where customer_id = %(id)s)",
    ),
    "rewards": ("reward_redemption", "t.customer_id = %(id)s"),
    "balance_changes": (
        "balance_adjustment",
        "t.voucher_id in (select id from voucher where holder_id = %(id)s)",
    ),
    "attempts": (
        "attempt",
        (
            "t.customer_id = %(id)s or (t.customer_id is null and t.customer_source_id in"
            " (select source_id from customer where id = %(id)s))"
        ),
    ),
    "locks": ("voucher_session", "t.customer_id = %(id)s"),
    "messages": ("message", "t.customer_id = %(id)s"),
    "events": ("event", "t.customer_id = %(id)s"),
    "browsing_sessions": ("browsing_session", "t.customer_id = %(id)s"),
    "visitors": ("visitor", "t.customer_id = %(id)s"),
    "products_seen": ("product_seen", "t.customer_id = %(id)s"),
    "carts": ("shopping_cart", "t.customer_id = %(id)s"),
    "received": ("source_receipt", "t.customer_id = %(id)s"),
    "told": (
        "domain_event",
        "t.customer_id = %(id)s or t.data -> 'voucher' ->> 'holder_id' = %(id)s",
    ),
    "merges": ("customer_merge", "%(id)s in (t.survivor_id, t.merged_id)"),
    "possible_duplicates": ("customer_duplicate", "%(id)s in (t.first_id, t.second_id)"),
    "notes": ("customer_note", "t.customer_id = %(id)s"),
    "points": (
        "transfer",
        "t.kind = 'points' and (t.to_owner = %(id)s or t.from_owner = %(id)s)",
    ),
    "pending_points": (
        "pending_points",
        "t.voucher_id in (select id from voucher where holder_id = %(id)s)",
    ),
    "expiring_points": (
        "points_lot",
        "t.voucher_id in (select id from voucher where holder_id = %(id)s)",
    ),
    "segments": ("segment_member", "t.customer_id = %(id)s"),
    "predictions": ("customer_score", "t.customer_id = %(id)s"),
    "rfm": ("rfm_score", "t.customer_id = %(id)s"),
    "experiments": ("exposure", "t.customer_id = %(id)s"),
    "experiment_arms": ("experiment_exposure", "t.customer_id = %(id)s"),
    "planned": ("experiment_preset", "t.customer_id = %(id)s"),
}
_SEALED: Mapping[str, Mapping[str, str]] = {
    "messages": {name: f"message.{name}" for name in ("address", "subject", "html", "plain")},
    "notes": NOTE_PLACES,
}
# What is ours and says nothing about the person; what undoes a merge stands elsewhere readable.
_OURS = [
    "project_id",
    "trace",
    "before",
    "digest",
    "erased_at",
    *(f"{name}_index" for name in ("name", "email", "phone", "postal")),
    "name_tokens",
]


async def collect_person(tx: Tx, customer_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return all rows about a person, by subject, each as a JSON object."""
    found: dict[str, list[dict[str, Any]]] = {}
    for subject, (table, condition) in _OF_PERSON.items():
        cursor = await tx.execute(
            sql.SQL(
                "select to_jsonb(t) - %(ours)s::text[] from {} t where {} order by to_jsonb(t)::text"
            ).format(sql.Identifier(table), sql.SQL(condition)),
            {"id": customer_id, "ours": _OURS},
        )
        found[subject] = [row[0] for row in await cursor.fetchall()]
    found["profile"] = await unseal_rows(tx, found["profile"])
    for subject, places in _SEALED.items():
        await unseal_texts(tx, found[subject], places)
        for row in found[subject]:
            del row["sealed_by"]
    for row in found["attempts"]:
        # The rest of what was decided on are our rules.
        decided_on: dict[str, Any] | None = row.pop("inputs")
        row["cart"] = None if decided_on is None else decided_on.get("cart")
    for row in found["received"]:
        row["body"] = bytes.fromhex(row["body"].removeprefix("\\x")).decode(errors="replace")
    recorded = await list_recorded(tx, customer_id)
    found["identities"] = [msgspec.to_builtins(one) for one in recorded]
    return found
