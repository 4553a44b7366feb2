"""What browsers and apps may do with a project's public keys, and from where."""

import re
from datetime import datetime
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.runtime import InvalidInput, Tx
from kaquan.trust.client_store import find_client_access, store_client_access
from kaquan.trust.model import ClientAccess

ANYWHERE = "*"
MOST_DOMAINS = 100

_DOMAIN = re.compile(r"\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*(:[0-9]{1,5})?")


class ClientAccessChange(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a project's client access: what is left out stays."""

    trusted_domains: tuple[str, ...] | UnsetType = UNSET
    redeem: bool | UnsetType = UNSET
    publish: bool | UnsetType = UNSET
    list_vouchers: bool | UnsetType = UNSET
    create_customer: bool | UnsetType = UNSET


async def get_client_access(tx: Tx) -> ClientAccess:
    """Return what the project set; at first any site may ask, and nothing may be changed."""
    return await find_client_access(tx) or ClientAccess()


async def update_client_access(
    tx: Tx, change: ClientAccessChange, *, now: datetime
) -> ClientAccess:
    """Change what is named. Raises InvalidInput for what is no domain."""
    given = {
        name: value
        for name in change.__struct_fields__
        if (value := getattr(change, name)) is not UNSET
    }
    if "trusted_domains" in given:
        given["trusted_domains"] = _checked(given["trusted_domains"])
    access = msgspec.structs.replace(await get_client_access(tx), **given)
    await store_client_access(tx, access, now=now)
    return access


def is_trusted(access: ClientAccess, origin: str) -> bool:
    """Say whether requests from ``origin``, a header's address or bare host, are accepted.

    ``shop.example`` stands for that host alone, ``.shop.example`` for it and all below it, both at
    any port unless they name one; ``*`` for every origin, and for programs that tell none.
    """
    if ANYWHERE in access.trusted_domains:
        return True
    host, port = _split(origin)
    return any(_covers(domain, host, port) for domain in access.trusted_domains)


def _covers(domain: str, host: str, port: str) -> bool:
    wanted, _, own_port = domain.partition(":")
    if own_port and own_port != port:
        return False
    if wanted.startswith("."):
        return host == wanted[1:] or host.endswith(wanted)
    return bool(host) and host == wanted


def _split(origin: str) -> tuple[str, str]:
    text = origin.strip().lower()
    try:
        netloc = urlsplit(text if "//" in text else f"//{text}").netloc
    except ValueError:
        return "", ""
    host, _, port = netloc.rpartition("@")[2].partition(":")
    return host, port


def _checked(domains: tuple[str, ...]) -> tuple[str, ...]:
    if len(domains) > MOST_DOMAINS:
        message = f"At most {MOST_DOMAINS} domains can be trusted."
        raise InvalidInput(message, field="client_trusted_domains")
    checked: list[str] = []
    for index, domain in enumerate(domains):
        text = domain.strip().lower()
        if text != ANYWHERE and not _DOMAIN.fullmatch(text):
            message = f"'{domain[:60]}' is not a domain: write shop.example, .shop.example or *."
            raise InvalidInput(message, field=f"client_trusted_domains[{index}]")
        checked.append(text)
    return tuple(dict.fromkeys(checked))
