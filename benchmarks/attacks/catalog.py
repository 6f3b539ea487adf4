"""Every attack, in the order of the table."""

from __future__ import annotations

from benchmarks.attacks import bodies, connections, labels, pipelining, readers, silence
from benchmarks.attacks.attack import Attack


def catalog() -> dict[str, Attack]:
    """The attacks by name."""
    modules = (bodies, pipelining, readers, connections, silence, labels)
    return {attack.name: attack for module in modules for attack in module.attacks()}
