"""Which addresses may be reached."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelhook.errors import SettingsError
from parcelhook.webhooks.addresses import AddressGuard, parse_networks

REFUSED = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "::/128",
    "::1/128",
    "::/96",
    "::ffff:0:0/96",
    "::ffff:0:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",
    "2001:20::/28",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
    "4000::/3",
    "8000::/1",
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0", "11.0.0.0", "2606:4700:4700::1111", "2a00:1450:4001::1"]  # fmt: skip


@pytest.mark.parametrize("network", REFUSED)
def test_both_edges_of_every_range_are_refused(network: str) -> None:
    guard = AddressGuard(())
    found = ip_network(network)
    for address in (found[0], found[-1]):
        assert guard.refusal(str(address)), address


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    assert AddressGuard(()).refusal(address) is None


@pytest.mark.parametrize("address", ["::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "::8.8.8.8"])
def test_an_ipv4_address_hidden_in_an_ipv6_one_is_refused_even_if_it_is_public(address: str) -> None:
    assert "hides" in (AddressGuard(()).refusal(address) or "")


def test_the_allow_list_wins() -> None:
    guard = AddressGuard(parse_networks("10.1.0.0/16, ::1"))
    assert guard.refusal("10.1.2.3") is None
    assert guard.refusal("::1") is None
    assert guard.refusal("10.2.0.0")
    assert guard.refusal("::ffff:10.1.2.3"), "an allowed IPv4 network does not open its disguises"


@given(st.ip_addresses() | st.text(max_size=40))
def test_it_never_fails_and_allowing_all_allows_all(address: object) -> None:
    AddressGuard(()).refusal(str(address))
    everything = AddressGuard(parse_networks("0.0.0.0/0,::/0"))
    assert everything.refusal(str(address)) is None or isinstance(address, str)


@pytest.mark.parametrize("text", ["10.0.0.0/33", "localhost", "10.0.0.1/8", "::/129", "10.0.0.0/8;::1"])
def test_a_wrong_network_is_named(text: str) -> None:
    with pytest.raises(SettingsError, match="EGRESS_ALLOW"):
        parse_networks(text)
