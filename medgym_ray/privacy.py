"""The data-use gate: restricted data goes to no third party, unless the agreement that allows it is named.

The agreements of PhysioNet and Stanford forbid to hand patients' data on, and a request to somebody else's model, or a
bucket of somebody else's, does just that. Whatever sends text away asks here first, before anything is connected to.
"""

import ipaddress
import socket
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

from medgym_ray.config import PrivacyConfig
from medgym_ray.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Destination:
    """Somewhere that text would go: the key of the configuration that says so, and the address."""

    key: str
    url: str

    @property
    def host(self) -> str:
        """Lower case, without port; empty where the address names none."""
        return (urlsplit(self.url).hostname or "").lower()


def check(
    destinations: Iterable[Destination], restricted: Iterable[str], privacy: PrivacyConfig, nodes: Collection[str] = ()
) -> None:
    """Raises ConfigError for a destination that is a third party's, where `restricted` names families with patients.

    No third party are: this machine, `nodes` (IP addresses of the cluster's own), and the hosts of `privacy.hosts`.
    """
    check_override(privacy)
    names = sorted(set(restricted))
    if not names or privacy.allow_third_party:
        return
    own = {host.lower() for host in privacy.hosts}
    for destination in destinations:
        if destination.host not in own and not _is_near(destination.host, nodes):
            raise ConfigError(
                f"{destination.key}: {destination.host} is a third party, and {', '.join(names)} may not leave: use a "
                f"server of your own (privacy.hosts=[{destination.host}] where it is one), or say "
                "privacy.allow_third_party=true privacy.agreement='WHAT ALLOWS IT'"
            )


def check_override(privacy: PrivacyConfig) -> None:
    """Raises ConfigError where third parties are allowed and no agreement is named that says so."""
    named = bool(privacy.agreement and privacy.agreement.strip())
    if privacy.allow_third_party and not named:
        raise ConfigError(
            "privacy.allow_third_party=true: name the agreement that allows it, privacy.agreement='…' (it is recorded)"
        )
    if named and not privacy.allow_third_party:
        raise ConfigError(f"privacy.agreement={privacy.agreement}: only privacy.allow_third_party=true needs one")


def provenance(privacy: PrivacyConfig) -> dict[str, str]:
    """What each record says of an override."""
    return {"agreement": privacy.agreement} if privacy.allow_third_party and privacy.agreement else {}


def is_loopback(url: str) -> bool:
    """Whether an address stays on this machine."""
    return _is_near(Destination("", url).host, ())


def _is_near(host: str, nodes: Collection[str]) -> bool:
    """All addresses of a name count: one that leads elsewhere is enough to lead data there."""
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)} if host else set()
    except OSError:
        return False
    own = {address.address for interface in psutil.net_if_addrs().values() for address in interface} | set(nodes)
    return bool(found) and all(str(ip) in own or ipaddress.ip_address(str(ip)).is_loopback for ip in found)
