"""The allowed values of `Host`, so that a web page cannot reach a server under a name of its own.

A browser sends the name from the address bar as `Host`. A page whose name was made to point at this machine (DNS
rebinding) has the same origin as the server, so that no check of origins stops it; its `Host` reveals it.
"""

from __future__ import annotations

import re

ANY = "*"
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s\[\]:,/?#@]+)(?::\d{1,5})?")


def names_of(allowed_hosts: str) -> list[str]:
    """The names that a setting like ALLOWED_HOSTS lists."""
    return [name.strip() for name in allowed_hosts.split(",") if name.strip()]


class AllowedHosts:
    """Names separated by commas, without ports, an IPv6 address in brackets; `*` allows every name."""

    def __init__(self, names: str) -> None:
        self._names = frozenset(name.lower() for name in names_of(names))

    def __contains__(self, host: str) -> bool:
        """True if requests with this `Host` header, port included, are allowed; an absent header is ""."""
        found = _HOST.fullmatch(host)
        return found is not None and (ANY in self._names or found[1].lower() in self._names)
