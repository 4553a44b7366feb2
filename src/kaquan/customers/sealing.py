"""What is personal about a customer, on its way into the database and out of it: the one place.

Name, e-mail address, phone number and all of the address but the region are sealed with the
person's data key for their very row and column. Beside them stand keyed digests of their normal
forms, by which they are looked up (docs/explanation/personal-data.md).
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, LiteralString

import msgspec

from kaquan.customers.cleaning import clean_email, clean_name, clean_phone
from kaquan.customers.model import Customer
from kaquan.customers.store.data_keys import list_data_keys, list_keys_by_source, upsert_data_keys
from kaquan.runtime import Tx, new_ids
from kaquan.trust import DataKey, Vault, open_vault, open_vault_for

LONGEST_BEGINNING = 4
"""Letters of a word of a name that are looked up; more are compared after unsealing."""

OPEN_PARTS = frozenset({"city", "state", "country"})
"""What of an address stays readable, for rules to compare."""

SEALED_TYPES: Mapping[str, tuple[tuple[LiteralString, LiteralString], ...]] = {
    "name": (("name", "text"), ("name_index", "text"), ("name_tokens", "bigint[]")),
    "email": (("email", "text"), ("email_index", "text")),
    "phone": (("phone", "text"), ("phone_index", "text")),
    "address": (("address", "jsonb"), ("postal_index", "text")),
}
"""The columns, with their types, that each sealed field fills."""

_TEXTS = ("name", "email", "phone")
_MOST_WORDS = 12
_NO_DIGIT = re.compile(r"[^0-9]+")


class StoredCustomer(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's row as it stands in the database."""

    id: str
    source_id: str | None
    data_key: str | None
    name: str | None
    email: str | None
    phone: str | None
    birth_date: date | None
    description: str | None
    address: dict[str, Any] | None
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime | None


class Index:
    """Looks personal values up: makes the digests that stand beside what is sealed."""

    def __init__(self, vault: Vault, *, country: str | None = None) -> None:
        """Make an index; ``country`` is that of phone numbers without a prefix."""
        self._vault = vault
        self._country = country

    def of(self, field: str, text: str) -> str:
        """Return the digest of a name, email, phone or postal_code, however it is written."""
        if field == "phone":
            text = clean_phone(text, country=self._country)
        return self._vault.blind(field, _NORMAL[field](text))

    def beginnings(self, text: str) -> list[int]:
        """Return the tokens that a name has in which every word of ``text`` begins a word."""
        return sorted({self._vault.token("name", word[:LONGEST_BEGINNING]) for word in words(text)})


def words(name: str) -> list[str]:
    """Return the words of a name as they are compared."""
    return _normal_name(name).split(" ")[:_MOST_WORDS]


async def open_index(tx: Tx, *, country: str | None = None) -> Index:
    """Return the project's index; ``country`` is that of phone numbers without a prefix."""
    return Index(await open_vault(tx), country=country)


class Sealer:
    """Seals and unseals what belongs to one person: ``id_`` is theirs, ``wrapped`` their key."""

    __slots__ = ("_id", "_key", "_vault")

    def __init__(self, vault: Vault, key: DataKey, id_: str) -> None:
        """Make a sealer of a person's data key."""
        self._vault = vault
        self._key = key
        self._id = id_

    def seal(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return columns of the customer's row, those that are personal sealed and indexed."""
        sealed = dict(given)
        vault = self._vault
        for field in _TEXTS:
            text = sealed.get(field)
            if field not in sealed:
                continue
            if text is None:
                sealed |= dict.fromkeys((name for name, _ in SEALED_TYPES[field]), None)
                continue
            sealed[field] = self.seal_field(field, text)
            normal = _NORMAL[field](text)
            sealed[f"{field}_index"] = vault.blind(field, normal)
            if field == "name":
                sealed["name_tokens"] = _tokens(vault, normal)
        if "address" in sealed:
            address: dict[str, Any] | None = sealed["address"]
            postal = None if address is None else address.get("postal_code")
            sealed["address"] = None if address is None else self._seal_address(address)
            sealed["postal_index"] = (
                vault.blind("postal_code", _normal_code(postal))
                if isinstance(postal, str)
                else None
            )
        return sealed

    def seal_field(self, field: str, text: str) -> str:
        """Return a name, email or phone sealed for its column of the person's row."""
        return self._key.seal(text, f"customer.{field} {self._id}")

    def unseal(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return columns of the customer's row as they were before they were sealed."""
        key, id_ = self._key, self._id
        for field in _TEXTS:
            if row.get(field) is not None:
                row[field] = key.unseal(row[field], f"customer.{field} {id_}")
        address: dict[str, Any] | None = row.get("address")
        if address:
            row["address"] = {
                part: value
                if value is None or part in OPEN_PARTS
                else msgspec.json.decode(key.unseal(value, f"customer.address.{part} {id_}"))
                for part, value in address.items()
            }
        return row

    def seal_text(self, text: str, place: str) -> str:
        """Return a text of this person that stands in another table, sealed for its place there."""
        return self._key.seal(text, place)

    def unseal_text(self, sealed: str, place: str) -> str:
        """Return a text that was sealed for its place."""
        return self._key.unseal(sealed, place)

    def _seal_address(self, address: Mapping[str, Any]) -> dict[str, Any]:
        return {
            part: value
            if value is None or part in OPEN_PARTS
            else self._key.seal(
                msgspec.json.encode(value).decode(), f"customer.address.{part} {self._id}"
            )
            for part, value in address.items()
        }


def unseal_row(vault: Vault, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of customers (with id and data_key) readable, without the key."""
    wrapped: str | None = row.pop("data_key")
    return (
        row
        if wrapped is None
        else Sealer(vault, vault.open(wrapped, row["id"]), row["id"]).unseal(row)
    )


async def unseal_rows(tx: Tx, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of customers (with id and data_key) readable, without the keys."""
    vault = await open_vault_for(tx, [row["data_key"] for row in rows])
    return [unseal_row(vault, row) for row in rows]


async def unseal_customers(tx: Tx, rows: Iterable[StoredCustomer]) -> list[Customer]:
    """Return customers as people read them."""
    known = list(rows)
    vault = await open_vault_for(tx, [row.data_key for row in known])
    return [Customer(**unseal_row(vault, msgspec.structs.asdict(row))) for row in known]


async def find_sealers(tx: Tx, customer_ids: Sequence[str]) -> dict[str, Sealer]:
    """Return the sealers of those customers who have a data key, to read with; erased have none."""
    wrapped = await list_data_keys(tx, customer_ids)
    vault = await open_vault_for(tx, list(wrapped.values()))
    return {
        id_: Sealer(vault, vault.open(key, id_), id_)
        for id_, key in wrapped.items()
        if key is not None
    }


async def open_sealers(tx: Tx, customer_ids: Sequence[str]) -> dict[str, Sealer]:
    """Return the sealers of customers, to write with; who has no data key yet gets one."""
    found = await find_sealers(tx, customer_ids)
    without = sorted(set(customer_ids) - found.keys())
    if without:
        vault = await open_vault(tx)
        for id_, key in (await _give_keys(tx, vault, without)).items():
            found[id_] = Sealer(vault, vault.open(key, id_), id_)
    return found


async def unseal_texts(tx: Tx, rows: Sequence[dict[str, Any]], places: Mapping[str, str]) -> None:
    """Make texts of another table readable in place; rows have an ``id`` and who ``sealed_by``.

    ``places`` says by column what the text was sealed for, the row's id aside. A text whose key
    was destroyed is empty.
    """
    owners = {row["sealed_by"] for row in rows if row["sealed_by"] is not None}
    sealers = await find_sealers(tx, sorted(owners)) if owners else {}
    for row in rows:
        if row["sealed_by"] is None:
            continue
        sealer = sealers.get(row["sealed_by"])
        for column, place in places.items():
            if row.get(column):
                text = row[column]
                row[column] = (
                    "" if sealer is None else sealer.unseal_text(text, f"{place} {row['id']}")
                )


async def seal_new(tx: Tx, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of new customers, by their ``id``, sealed, each with a data key of its own."""
    vault = await open_vault(tx)
    keys = vault.make_keys([row["id"] for row in rows])
    return [
        Sealer(vault, key, row["id"]).seal(row) | {"data_key": wrapped}
        for (wrapped, key), row in zip(keys, rows, strict=True)
    ]


async def seal_rows(
    tx: Tx, source_ids: Sequence[str], columns: Mapping[str, Sequence[Any]]
) -> dict[str, list[Any]]:
    """Seal many customers' columns at once: columns in, columns out, in the order of the rows.

    ``columns`` are any of name, email, phone (texts or None) and address (dicts or None), a value
    for each of ``source_ids``. The result has id and data_key, a known customer's own, and the
    columns of SEALED_TYPES for each given one, as COPY takes them: addresses as JSON, tokens as an
    array. Whoever was entered by somebody else meanwhile has another data_key than this.
    """
    known = await list_keys_by_source(tx, source_ids)
    vault = await open_vault_for(tx, [key for _, key in known.values()])
    if without := sorted(id_ for id_, key in known.values() if key is None):
        given = await _give_keys(tx, vault, without)
        known = {one: (id_, key or given[id_]) for one, (id_, key) in known.items()}
    fresh = new_ids("cust", len(source_ids) - len(known))
    made = iter(zip(fresh, vault.make_keys(fresh), strict=True))
    ids: list[str] = []
    wrapped: list[str] = []
    sealers: list[Sealer] = []
    for source_id in source_ids:
        id_, own = known.get(source_id, (None, None))
        if id_ is not None and own is not None:
            key = vault.open(own, id_)
        else:
            id_, (own, key) = next(made)
        ids.append(id_)
        wrapped.append(own)
        sealers.append(Sealer(vault, key, id_))
    result: dict[str, list[Any]] = {"id": ids, "data_key": wrapped}
    for name, values in columns.items():
        if name in _TEXTS:
            result |= _seal_texts(vault, name, sealers, values)
            continue
        sealed = [sealer.seal({name: value}) for sealer, value in zip(sealers, values, strict=True)]
        for column, kind in SEALED_TYPES[name]:
            result[column] = [_for_copy(row[column], kind) for row in sealed]
    return result


async def _give_keys(tx: Tx, vault: Vault, ids: Sequence[str]) -> dict[str, str]:
    """Give customers who have no data key yet one; returns the wrapped keys that they then have."""
    made = vault.make_keys(ids)
    fresh = {id_: wrapped for id_, (wrapped, _) in zip(ids, made, strict=True)}
    return await upsert_data_keys(tx, fresh)


def sealed_columns(
    columns: Iterable[tuple[LiteralString, LiteralString]],
) -> list[tuple[LiteralString, LiteralString]]:
    """Return the columns of customers with those that sealing adds, and their types."""
    added = [part for name, _ in columns for part in SEALED_TYPES.get(name, ())[1:]]
    return [*columns, ("data_key", "text"), *added]


def _for_copy(value: Any, kind: str) -> str | None:
    if value is None or kind == "text":
        return value
    if kind == "jsonb":
        return msgspec.json.encode(value).decode()
    return "{" + ",".join(map(str, value)) + "}"


def _seal_texts(
    vault: Vault, field: str, sealers: Sequence[Sealer], texts: Sequence[str | None]
) -> dict[str, list[str | None]]:
    """Return what Sealer.seal makes of one text a person, a column at a time and for COPY."""
    pairs = zip(sealers, texts, strict=True)
    normal = _NORMAL[field]
    normals = [None if text is None else normal(text) for text in texts]
    columns: dict[str, list[str | None]] = {
        field: [None if text is None else one.seal_field(field, text) for one, text in pairs],
        f"{field}_index": [None if text is None else vault.blind(field, text) for text in normals],
    }
    if field == "name":
        known: dict[str, int] = {}
        columns["name_tokens"] = [
            None if text is None else _for_copy(_tokens(vault, text, known), "bigint[]")
            for text in normals
        ]
    return columns


def _tokens(vault: Vault, normal: str, known: dict[str, int] | None = None) -> list[int]:
    """Return the tokens of a name's beginnings; ``known`` keeps those of one call's names."""
    beginnings = {
        word[:length]
        for word in normal.split(" ")[:_MOST_WORDS]
        for length in range(1, min(LONGEST_BEGINNING, len(word)) + 1)
    }
    if known is None:
        return sorted(vault.token("name", one) for one in beginnings)
    for one in beginnings:
        if one not in known:
            known[one] = vault.token("name", one)
    return sorted(map(known.__getitem__, beginnings))


def _normal_name(text: str) -> str:
    return clean_name(unicodedata.normalize("NFKC", text)).casefold()


def _normal_email(text: str) -> str:
    return clean_email(text).lower()


def _normal_phone(text: str) -> str:
    return _NO_DIGIT.sub("", unicodedata.normalize("NFKC", text))


def _normal_code(text: str) -> str:
    return _normal_name(text).replace(" ", "")


_NORMAL = {
    "name": _normal_name,
    "email": _normal_email,
    "phone": _normal_phone,
    "postal_code": _normal_code,
}
