"""What the stack's processes take over from the shell: all but what would lead them to somebody else's services."""

from __future__ import annotations

from collections.abc import Mapping

# A profile, a login or a database of the vendors' own clients and servers: those of this stack are in its own settings.
_ELSEWHERE = ("AWS_", "MLFLOW_", "PREFECT_API_", "PREFECT_SERVER_", "PREFECT_PROFILE", "GUNICORN_CMD_ARGS")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without these; what is on this machine is asked without a proxy."""
    kept = {name: value for name, value in environ.items() if not name.startswith(_ELSEWHERE)}
    # Some clients stop at a proxy they cannot speak to, even where they would not use it.
    kept = {name: value for name, value in kept.items() if not _is_socks_proxy(name, value)}
    return kept | dict.fromkeys(("NO_PROXY", "no_proxy"), without_proxy(environ))


def without_proxy(environ: Mapping[str, str]) -> str:
    """The hosts to ask without a proxy: those that were named already, and this machine."""
    named = [name.strip() for key in ("NO_PROXY", "no_proxy") for name in environ.get(key, "").split(",")]
    return ",".join(dict.fromkeys(name for name in [*named, *_LOOPBACK] if name))


def has_proxy(environ: Mapping[str, str]) -> bool:
    """True if programs that ask this machine from the caller's shell may go by way of a proxy."""
    return any(environ.get(name) for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"))


def _is_socks_proxy(name: str, value: str) -> bool:
    return name.lower().endswith("_proxy") and value.lower().startswith("socks")
