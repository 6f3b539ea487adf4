"""What the stack's processes inherit from the shell: everything but what would point them at other services."""

from __future__ import annotations

from collections.abc import Mapping

# A profile, a login or a database of the vendors' own clients and servers: those of this stack are in its own settings.
_ELSEWHERE = ("AWS_", "MLFLOW_", "PREFECT_API_", "PREFECT_SERVER_", "PREFECT_PROFILE", "GUNICORN_CMD_ARGS")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without these; requests to this machine bypass any proxy."""
    kept = {name: value for name, value in environ.items() if not name.startswith(_ELSEWHERE)}
    # Some clients fail on a proxy scheme they do not support, even if they would not use the proxy.
    kept = {name: value for name, value in kept.items() if not _is_socks_proxy(name, value)}
    return kept | dict.fromkeys(("NO_PROXY", "no_proxy"), without_proxy(environ))


def without_proxy(environ: Mapping[str, str]) -> str:
    """The value of NO_PROXY: the hosts that it already names, and this machine."""
    named = [name.strip() for key in ("NO_PROXY", "no_proxy") for name in environ.get(key, "").split(",")]
    return ",".join(dict.fromkeys(name for name in [*named, *_LOOPBACK] if name))


def has_proxy(environ: Mapping[str, str]) -> bool:
    """True if a program in the caller's shell may send requests for this machine through a proxy."""
    return any(environ.get(name) for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"))


def _is_socks_proxy(name: str, value: str) -> bool:
    return name.lower().endswith("_proxy") and value.lower().startswith("socks")
