"""Which IP addresses a webhook may be sent to: the public internet, and what the operator allows beside it.

Ranges after the IANA special-purpose registries for IPv4 and IPv6 (RFC 6890 and what followed it).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from parcelhook.errors import SettingsError

Network = IPv4Network | IPv6Network

_KEPT = 4_096  # answers remembered; addresses repeat, and each is asked for at every new connection

_REFUSED: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", 'means "this network"'),
    ("10.0.0.0/8", "is a private address"),
    ("100.64.0.0/10", "is a carrier's internal address (CGNAT)"),
    ("127.0.0.0/8", "is a loopback address"),
    ("169.254.0.0/16", "is a link-local address"),
    ("172.16.0.0/12", "is a private address"),
    ("192.0.0.0/24", "is reserved"),
    ("192.0.2.0/24", "is an address for documentation"),
    ("192.88.99.0/24", "is reserved (6to4 relay)"),
    ("192.168.0.0/16", "is a private address"),
    ("198.18.0.0/15", "is an address for benchmarks"),
    ("198.51.100.0/24", "is an address for documentation"),
    ("203.0.113.0/24", "is an address for documentation"),
    ("224.0.0.0/4", "is a multicast address"),
    ("240.0.0.0/4", "is reserved"),
    ("::/128", "is the unspecified address"),
    ("::1/128", "is a loopback address"),
    ("::ffff:0:0/96", "hides an IPv4 address in an IPv6 one"),
    ("::ffff:0:0:0/96", "hides an IPv4 address in an IPv6 one"),
    ("::/96", "hides an IPv4 address in an IPv6 one"),
    ("64:ff9b::/96", "hides an IPv4 address in an IPv6 one (NAT64)"),
    ("64:ff9b:1::/48", "hides an IPv4 address in an IPv6 one (NAT64)"),
    ("100::/64", "is discarded by routers"),
    ("2001::/32", "hides an IPv4 address in an IPv6 one (Teredo)"),
    ("2001::/23", "is reserved"),
    ("2001:db8::/32", "is an address for documentation"),
    ("2002::/16", "hides an IPv4 address in an IPv6 one (6to4)"),
    ("3fff::/20", "is an address for documentation"),
    ("5f00::/16", "is reserved (segment routing)"),
    ("fc00::/7", "is a private address"),
    ("fe80::/10", "is a link-local address"),
    ("fec0::/10", "is a private address"),
    ("ff00::/8", "is a multicast address"),
)
_REFUSED_NETWORKS = tuple((ip_network(network), why) for network, why in _REFUSED)
_GLOBAL_UNICAST = IPv6Network("2000::/3")


class AddressGuard:
    """Judges addresses. `allow` wins over everything else."""

    def __init__(self, allow: tuple[Network, ...]) -> None:
        self._allow = allow
        self._known: dict[str, str | None] = {}

    def refusal(self, address: str) -> str | None:
        """None if the address may be reached, else the sentence that says why not."""
        if address in self._known:
            return self._known[address]
        if len(self._known) >= _KEPT:
            self._known.clear()
        found = self._known[address] = self._judge(address)
        return found

    def _judge(self, text: str) -> str | None:
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return f'"{text}" is not an IP address'
        if any(address in network for network in self._allow if network.version == address.version):
            return None
        why = _why_refused(address)
        return None if why is None else f"{text} {why}"


def parse_networks(text: str) -> tuple[Network, ...]:
    """The setting EGRESS_ALLOW: networks or single addresses, comma-separated. SettingsError names the wrong part."""
    networks = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            networks.append(ip_network(part))
        except ValueError:
            raise SettingsError(
                f'PARCELHOOK_EGRESS_ALLOW: "{part}" is not a network such as 10.1.0.0/16, nor an address.'
            ) from None
    return tuple(networks)


def _why_refused(address: IPv4Address | IPv6Address) -> str | None:
    for network, why in _REFUSED_NETWORKS:
        if address.version == network.version and address in network:
            return why
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return "is not a public address"
    return None
