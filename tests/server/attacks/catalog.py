"""Every attack, in the order of the table."""

from __future__ import annotations

import time

from tests.server.attacks import bodies, connections, forms, labels, pipelining, readers, silence
from tests.server.attacks.attack import Attack, Found, Target

CALM_SECONDS = 8.0


def catalog() -> dict[str, Attack]:
    """The attacks by name, after a while without one, for comparison."""
    modules = (bodies, forms, pipelining, readers, connections, silence, labels)
    calm = Attack("calm", "nothing, for comparison", _calm)
    return {attack.name: attack for attack in [calm, *(one for module in modules for one in module.attacks())]}


def _calm(target: Target, scale: float) -> Found:
    for _ in target.until(CALM_SECONDS * scale):
        time.sleep(0.1)
    return Found()
