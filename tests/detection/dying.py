"""A process that dies: the n-th effect of its stores, queues, signer, node and receivers is its last."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.world import World

# What leaves a trace outside the process; everything else is read or thought.
EFFECTS = {
    "payments": ("commit", "reserve", "add_transfers", "drop_transfers"),
    "money": ("take", "beat", "write_transaction", "post"),
    "access": ("next_index", "raise_gate", "pause", "advance_round"),
    "events": ("acknowledge", "record", "finish", "lease"),
    "jobs": ("deliver", "sweep", "scan"),
    "chain": ("broadcast",),
    "signer": ("sign",),
    "receivers": ("post",),
}


class Mortal:
    """Counts effects; raises `SystemExit` instead of the one after `last`, once."""

    def __init__(self, last: int | None = None) -> None:
        self.last, self.names = last, list[str]()

    def wrap(self, name: str, effect: Callable[..., Any]) -> Callable[..., Any]:
        """Count an effect."""

        def counted(*args: Any, **kwargs: Any) -> Any:
            if self.last is not None and len(self.names) == self.last:
                self.last = None
                raise SystemExit(name)
            self.names.append(name)
            return effect(*args, **kwargs)

        return counted


class Watched:
    """Passes everything on to what it stands for, effects through a `Mortal`."""

    def __init__(self, mortal: Mortal, name: str, real: Any) -> None:
        self._real, self._effects = (
            real,
            {
                method: mortal.wrap(f"{name}.{method}", getattr(real, method))
                for method in EFFECTS[name]
                if hasattr(real, method)
            },
        )

    def __getattr__(self, name: str) -> Any:
        return self._effects.get(name) or getattr(self._real, name)


def make_mortal(world: World, mortal: Mortal) -> None:
    """Put `mortal` between a world's services and everything outside them."""
    stores = {
        name: Watched(mortal, name, getattr(world.stores, name)) for name in ("payments", "money", "access", "events")
    }
    outside: dict[str, Any] = {
        name: Watched(mortal, name, getattr(world, name)) for name in ("jobs", "chain", "signer", "receivers")
    } | stores

    def rewired(service: Any) -> Any:
        fields = service.__dataclass_fields__
        return replace(service, **{name: real for name, real in outside.items() if name in fields})

    build = world.new_scanner

    def new_scanner() -> Any:
        made = rewired(build())
        parts = {name: rewired(getattr(made, name)) for name in ("follower", "strays", "looker")}
        parts["looker"] = replace(parts["looker"], explainer=rewired(made.looker.explainer))
        return replace(made, **parts)

    world.new_scanner = new_scanner  # type: ignore[method-assign]
    world.mortal_money = stores["money"]  # type: ignore[attr-defined]
    for name in ("creator", "sweeper", "deliverer", "relay"):
        setattr(world, name, rewired(getattr(world, name)))
