"""The vault: what is sealed can be read in its place only, and digests are what they are said to be."""

import base64
import hmac
from collections.abc import Callable

import pytest

from kaquan.trust import CannotUnseal, DataKey, Vault

FIRST, SECOND, INDEX = b"1" * 32, b"2" * 32, b"i" * 32
PLACE = "customer.name cust_1"


def vault_of(*numbers: int) -> Vault:
    keys = {1: FIRST, 2: SECOND}
    return Vault({number: keys[number] for number in numbers}, INDEX)


def key_of(vault: Vault, owner: str = "cust_1") -> DataKey:
    return vault.make_keys([owner])[0][1]


@pytest.mark.parametrize("text", ["", "Ann", "王小明", "😀\0\n", "x" * 10_000])
def test_what_is_sealed_is_read_again(text: str) -> None:
    key = key_of(vault_of(1))
    sealed = key.seal(text, PLACE)
    assert key.unseal(sealed, PLACE) == text
    assert not text or text not in sealed
    assert key.seal(text, PLACE) == sealed
    assert key.seal(text, "customer.email cust_1") != sealed
    assert key_of(vault_of(1)).seal(text, PLACE) != sealed


def same(sealed: str) -> str:
    return sealed


def changed(sealed: str) -> str:
    raw = bytearray(base64.b64decode(sealed))
    raw[-1] ^= 1
    return base64.b64encode(raw).decode()


def cut(sealed: str) -> str:
    return sealed[:-4]


def never_sealed(_: str) -> str:
    return "Ann"


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        (same, "customer.email cust_1"),
        (same, "customer.name cust_2"),
        (changed, PLACE),
        (cut, PLACE),
        (never_sealed, PLACE),
    ],
    ids=["other column", "other row", "changed", "cut", "never sealed"],
)
def test_nothing_else_is_read(wrong: Callable[[str], str], place: str) -> None:
    key = key_of(vault_of(1))
    sealed = key.seal("Ann", PLACE)
    with pytest.raises(CannotUnseal):
        key.unseal(wrong(sealed), place)


def test_a_data_key_opens_for_its_owner_only() -> None:
    vault = vault_of(1)
    ((wrapped, key),) = vault.make_keys(["cust_1"])
    sealed = key.seal("Ann", PLACE)
    assert vault_of(1).open(wrapped, "cust_1").unseal(sealed, PLACE) == "Ann"
    with pytest.raises(CannotUnseal):
        vault_of(1).open(wrapped, "cust_2")
    with pytest.raises(CannotUnseal):
        vault_of(2).open(wrapped, "cust_1")
    with pytest.raises(CannotUnseal):
        vault_of(2).open("2" + wrapped[1:], "cust_1")


def test_wrapping_anew_changes_nothing_that_is_sealed() -> None:
    ((wrapped, key),) = vault_of(1).make_keys(["cust_1"])
    sealed = key.seal("Ann", PLACE)
    again = vault_of(1, 2).rewrap(wrapped, "cust_1")
    assert (vault_of(2).knows(wrapped), vault_of(2).knows(again)) == (False, True)
    assert vault_of(2).open(again, "cust_1").unseal(sealed, PLACE) == "Ann"


def test_digests_are_hmac_sha256() -> None:
    whole = hmac.digest(INDEX, b"phone\x008613800138000", "sha256")
    vault = vault_of(1)
    assert base64.b64decode(vault.blind("phone", "8613800138000") + "==") == whole[:16]
    number = int.from_bytes(whole[:8], "big", signed=True)
    # Once worked out and once remembered.
    assert [vault.token("phone", "8613800138000") for _ in range(2)] == [number] * 2
    assert vault.blind("email", "8613800138000") != vault.blind("phone", "8613800138000")
