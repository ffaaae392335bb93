"""Keeps webhooks away from the inside: which addresses an endpoint may have."""

import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class PrivateAddressError(OSError):
    """A name leads to an address that webhooks may not reach.

    An `OSError`, because that is what the HTTP client carries unharmed from its resolver.
    """

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host

    def __str__(self) -> str:
        return f"{self.host} has a private, loopback or link-local address"


def is_public(address: IpAddress) -> bool:
    """Return whether an address is on the open internet, unicast.

    IPv4 addresses inside IPv6 ones (mapped, 6to4, Teredo, NAT64) are judged by what they lead to.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inner_ipv4(address)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


def _inner_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def literal_address(host: str) -> IpAddress | None:
    """Return the address that a URL's host is, or None when it is a name.

    Raises:
        ValueError: It is an address in a legacy form (`127.1`, `2130706433`), which the operating
            system would read although no check of names sees it.
    """
    if ":" in host:
        return ipaddress.IPv6Address(host)
    if host.replace(".", "").isdigit():
        return ipaddress.IPv4Address(host)
    return None


class GuardedResolver(AbstractResolver):
    """Resolves a name and lets it through only when every one of its addresses is public.

    The HTTP client connects to the addresses that this returns and never looks the name up again:
    a name that changes between check and use (DNS rebinding) gains nothing.
    """

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of `host`.

        Raises:
            PrivateAddressError: At least one of them is not public.
        """
        results = await self._inner.resolve(host, port, family)
        for result in results:
            address = ipaddress.ip_address(result["host"].partition("%")[0])
            if not is_public(address):
                raise PrivateAddressError(host)
        return results

    async def close(self) -> None:
        """Release the resolver behind this one."""
        await self._inner.close()
