import asyncio
import ipaddress

import pytest

from actors.channels.addresses import (
    GuardedResolver,
    PrivateAddressError,
    is_public,
    literal_address,
)


class Names:
    """A resolver with fixed answers."""

    def __init__(self, *addresses):
        self.addresses = addresses

    async def resolve(self, host, port=0, family=0):
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": family,
                "proto": 0,
                "flags": 0,
            }
            for address in self.addresses
        ]

    async def close(self):
        pass


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
    ],
)
def test_addresses_of_the_inside_are_not_public(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"],
)
def test_addresses_of_the_internet_are_public(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0177.0.0.1", "1.2.3.4.5", "1:2"])
def test_legacy_forms_of_addresses_are_refused(host):
    with pytest.raises(ValueError, match=r"\d"):
        literal_address(host)


def test_a_name_is_no_address():
    assert literal_address("hooks.example") is None


@pytest.mark.parametrize(
    "addresses",
    [["10.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["2606:4700::1111", "fe80::1%eth0"]],
)
def test_one_private_address_refuses_the_name(addresses):
    resolver = GuardedResolver(Names(*addresses))

    with pytest.raises(PrivateAddressError, match=r"hooks\.example"):
        asyncio.run(resolver.resolve("hooks.example", 443))


def test_public_addresses_pass_unchanged():
    resolver = GuardedResolver(Names("93.184.216.34", "2606:4700::1111"))

    results = asyncio.run(resolver.resolve("hooks.example", 443))

    assert [result["host"] for result in results] == ["93.184.216.34", "2606:4700::1111"]
