"""What tests and the local stack ask of the stand-in alone, below /_control: no node has anything like it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.tron.ledger import Ledger
from infra.tron.requests import NoPath, address, number

Asked = dict[str, Any]


def answer(ledger: Ledger, path: str, asked: Asked) -> Any:
    """Do one of them, and say how it stands."""
    done = _PATHS.get(path)
    if done is None:
        raise NoPath(path)
    done(ledger, asked)
    return state(ledger)


def state(ledger: Ledger) -> Asked:
    """Say which blocks are newest and final, and what waits."""
    head, solid = ledger.head, ledger.solid
    return {
        "chain_id": ledger.options.chain_id,
        "head": {"number": head.number, "id": head.id, "time": head.time},
        "solid": {"number": solid.number, "id": solid.id, "time": solid.time},
        "pool": [each.signed.tx_id for each in ledger.pool],
    }


def _mine(ledger: Ledger, asked: Asked) -> None:
    seconds = number(asked, "seconds") if "seconds" in asked else None
    ledger.mine(number(asked, "n", 1), seconds=seconds)


def _faults(ledger: Ledger, asked: Asked) -> None:
    ledger.faults.change(asked)


def _reset(ledger: Ledger, asked: Asked) -> None:
    ledger.faults.reset()


def _drop(ledger: Ledger, asked: Asked) -> None:
    ledger.drop(asked.get("txids"))


def _fork(ledger: Ledger, asked: Asked) -> None:
    ledger.fork()


def _grant(ledger: Ledger, asked: Asked) -> None:
    ledger.world.grant(address(asked, "address"), number(asked, "amount"), ledger.head.time)


def _place(ledger: Ledger, asked: Asked) -> None:
    ledger.world.place(address(asked, "address"), str(asked["code"]), ledger.head.time)


def _factor(ledger: Ledger, asked: Asked) -> None:
    ledger.world.factors[address(asked, "address")] = number(asked, "factor")


def _state(ledger: Ledger, asked: Asked) -> None:
    """Change nothing."""


_PATHS: dict[str, Callable[[Ledger, Asked], None]] = {
    "state": _state,
    "mine": _mine,
    "faults": _faults,
    "reset": _reset,
    "drop": _drop,
    "fork": _fork,
    "grant": _grant,
    "place": _place,
    "factor": _factor,
}
