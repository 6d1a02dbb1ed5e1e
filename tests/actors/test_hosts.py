"""Which hosts of users are connected to."""

import socket
from ipaddress import ip_address, ip_network

import pytest

from actors.hosts import HostBlocked, HostNotFound, resolve_checked

_INNER = (
    ("0.0.0.0", "unspecified"),  # noqa: S104
    ("10.1.2.3", "private"),
    ("100.64.0.1", "carrier-grade NAT"),
    ("100.100.100.200", "cloud metadata"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback"),
    ("168.63.129.16", "cloud metadata"),
    ("169.254.10.1", "link-local"),
    ("169.254.169.254", "cloud metadata"),
    ("172.31.255.255", "private"),
    ("192.0.0.170", "protocol assignments"),
    ("192.0.2.1", "documentation"),
    ("192.88.99.1", "6to4 relay"),
    ("192.168.1.1", "private"),
    ("198.19.0.1", "benchmarking"),
    ("198.51.100.1", "documentation"),
    ("203.0.113.1", "documentation"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.255", "multicast"),
    ("255.255.255.255", "reserved"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("::7f00:1", "IPv4-compatible"),
    ("::ffff:0:7f00:1", "IPv4-translated"),
    ("64:ff9b::7f00:1", "NAT64"),
    ("64:ff9b:1::7f00:1", "NAT64"),
    ("100::1", "discard-only"),
    ("2001::1", "Teredo"),
    ("2001:2::1", "protocol assignments"),
    ("2001:db8::1", "documentation"),
    ("2002:7f00:1::", "6to4"),
    ("3fff::1", "documentation"),
    ("fd00::1", "private"),
    ("fd00:ec2::254", "cloud metadata"),
    ("fe80::1", "link-local"),
    ("fec0::1", "site-local"),
    ("ff02::1", "multicast"),
    ("200::1", "not global unicast"),
    ("5f00::1", "not global unicast"),
    ("a000::1", "not global unicast"),
)


@pytest.mark.parametrize(("host", "reason"), _INNER)
async def test_addresses_that_lead_inside_are_refused(host: str, reason: str) -> None:
    """Every kind of address that is not a public host's is refused, with the reason for people."""
    with pytest.raises(HostBlocked) as refusal:
        await resolve_checked(host, 25, allow=[])

    assert (refusal.value.host, refusal.value.address) == (host, ip_address(host))
    assert refusal.value.reason == reason


async def test_an_ipv4_address_in_ipv6_clothes_is_refused() -> None:
    """Opening loopback does not open its IPv4-mapped form; on some systems the resolver unwraps it anyway."""
    with pytest.raises(HostBlocked) as refusal:
        await resolve_checked("::ffff:10.0.0.1", 25, allow=[ip_network("127.0.0.0/8")])

    assert refusal.value.reason in ("IPv4-mapped", "private")


@pytest.mark.parametrize(
    "host", ["8.8.8.8", "172.32.0.1", "223.255.255.1", "2606:4700::1111", "2a00:1450::1"]
)
async def test_public_addresses_pass(host: str) -> None:
    """The neighbours of the refused networks are hosts like any other."""
    addresses = await resolve_checked(host, 25, allow=[])

    assert addresses == [ip_address(host)]


@pytest.mark.parametrize("disguise", ["localhost", "127.1", "0x7f.1", "2130706433"])
async def test_loopback_is_found_behind_every_spelling(disguise: str) -> None:
    """What counts is the address that the resolver answers, not how the host is written."""
    with pytest.raises(HostBlocked) as refusal:
        await resolve_checked(disguise, 25, allow=[])

    assert (refusal.value.host, refusal.value.address.is_loopback) == (disguise, True)


async def test_an_operator_opens_networks() -> None:
    """An address in an allowed network passes, its neighbours do not."""
    allow = [ip_network("10.0.0.0/24"), ip_network("::1/128")]

    addresses = [
        *await resolve_checked("10.0.0.7", 25, allow=allow),
        *await resolve_checked("::1", 25, allow=allow),
    ]

    assert addresses == [ip_address("10.0.0.7"), ip_address("::1")]
    with pytest.raises(HostBlocked):
        await resolve_checked("10.0.1.7", 25, allow=allow)


async def test_one_inner_address_refuses_the_whole_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that answers a public and an inner address is refused: whoever made it chooses which is used."""

    def answer(*_: object, **__: object) -> list[tuple[object, ...]]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, (address, 25)) for address in ("8.8.8.8", "8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", answer)

    with pytest.raises(HostBlocked) as refusal:
        await resolve_checked("two.test", 25, allow=[])

    assert refusal.value.address == ip_address("10.0.0.1")
    both = await resolve_checked("two.test", 25, allow=[ip_network("10.0.0.0/8")])
    assert both == [ip_address("8.8.8.8"), ip_address("10.0.0.1")]


@pytest.mark.parametrize("host", ["", "a" * 64 + ".test", "..", "smtp\0.test"])
async def test_a_host_without_address_is_told_apart(host: str) -> None:
    """What is no name, or has no address, answers HostNotFound (none of these reaches a name server)."""
    with pytest.raises(HostNotFound) as failure:
        await resolve_checked(host, 25, allow=[])

    assert failure.value.host == host
