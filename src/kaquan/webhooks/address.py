"""Where messages may go: names are resolved once, by us, and private networks are refused.

The connection is made to the very address that was checked, so a name cannot point elsewhere by
the time it is used; certificates are still checked against the name.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable
from typing import TypeAlias, cast

import httpcore

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

# IPv4 addresses in the coat of an IPv6 one, for networks that translate (RFC 6052).
_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


class AddressRefused(httpcore.ConnectError):
    """The name leads to a network that messages may not go to."""


def is_public(address: Address) -> bool:
    """Say whether an address is one of the public internet, whatever it is wrapped in."""
    if isinstance(address, ipaddress.IPv6Address):
        if any(address in network for network in _TRANSLATED):
            return False
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to names whose every address is public, or to all with ``private_allowed``."""

    def __init__(self, *, private_allowed: bool) -> None:
        """Prepare; nothing is connected yet."""
        self._private_allowed = private_allowed
        # Where anyio is missing the name stands for something else, so its type is not known.
        connect = cast("Callable[[], httpcore.AsyncNetworkBackend]", httpcore.AnyIOBackend)
        self._network = connect()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface has it
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve ``host``, check what it leads to, and connect to just that."""
        addresses = await _resolve(host, port)
        if not self._private_allowed and not all(map(is_public, addresses)):
            message = "The address is inside a private network."
            raise AddressRefused(message)
        return await self._network.connect_tcp(
            str(addresses[0]),
            port,
            timeout=timeout,
            local_address=local_address,
            socket_options=socket_options,
        )

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._network.sleep(seconds)


async def _resolve(host: str, port: int) -> list[Address]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        message = "The name of the host cannot be resolved."
        raise httpcore.ConnectError(message) from error
    # A zone, as in fe80::1%eth0, is no part of an address.
    return [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]
