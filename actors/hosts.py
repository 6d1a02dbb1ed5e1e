"""Mail hosts named by users: which addresses Drumbeat connects to, and which it never does."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Written out because `ipaddress.is_global` lets NAT64, 6to4 and multicast pass, through which inner hosts
# are reached. From IANA's special-purpose registries for IPv4 and IPv6; the most telling reason comes first.
_DENIED: Sequence[tuple[Network, str]] = [
    (ip_network(network), reason)
    for network, reason in (
        ("169.254.169.254/32", "cloud metadata"),
        ("100.100.100.200/32", "cloud metadata"),
        ("168.63.129.16/32", "cloud metadata"),
        ("fd00:ec2::254/128", "cloud metadata"),
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::/96", "IPv4-compatible"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("::ffff:0:0:0/96", "IPv4-translated"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "NAT64"),
        ("100::/64", "discard-only"),
        ("2001::/32", "Teredo"),
        ("2001::/23", "protocol assignments"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "documentation"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
        # What is left outside 2000::/3, the only part of IPv6 given out as global unicast.
        ("::/3", "not global unicast"),
        ("4000::/2", "not global unicast"),
        ("8000::/1", "not global unicast"),
    )
]


class HostBlocked(Exception):
    """*host* resolves to *address*, to which Drumbeat does not connect because it is *reason*."""

    def __init__(self, host: str, address: Address, reason: str) -> None:
        super().__init__(f"{host} is {address}: {reason}")
        self.host = host
        self.address = address
        self.reason = reason


class HostNotFound(Exception):
    """*host* has no address, or is no name at all."""

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} has no address")
        self.host = host


async def resolve_checked(host: str, port: int, *, allow: Sequence[Network]) -> list[Address]:
    """
    Look up *host* and answer its addresses, in the resolver's order and each once.

    Whoever connects must use these very addresses: a second look-up could answer differently. *allow* are the
    networks an operator opened, such as loopback or a relay in the LAN; one refused address refuses the host.

    Raises:
        HostNotFound: If there is no address.
        HostBlocked: If an address is in no network of *allow* and in one that is denied.
    """
    addresses = await _look_up(host, port)
    for address in addresses:
        if not any(address in network for network in allow):
            _refuse_denied(host, address)
    return addresses


async def _look_up(host: str, port: int) -> list[Address]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # A label that IDNA cannot encode and an embedded NUL are ValueErrors before they reach the resolver.
    except (socket.gaierror, ValueError) as error:
        raise HostNotFound(host) from error
    return list(dict.fromkeys(ip_address(address[0]) for *_, address in found))


def _refuse_denied(host: str, address: Address) -> None:
    for network, reason in _DENIED:
        if address in network:
            raise HostBlocked(host, address, reason)
