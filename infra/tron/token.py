"""The stand-in's USDT: where it stands, and how it is placed there."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from ctrip.domain.chains.tron.addresses import decoded
from infra.tron.evm import Evm

USDT = "TNQhEetuqcQVWpFs6GHw5et8WWTNKzLpdD"
"""Where `chains.yaml` says that it stands on the local network."""

SUPPLY = 10**18
_ARTEFACTS = Path(__file__).resolve().parent.parent / "contracts" / "artefacts"
_BEGIN = "9a63ed91"  # the selector of begin(address,uint256)


@cache
def runtime(name: str) -> str:
    """Return the code of a contract as it stands on a chain."""
    return str(json.loads((_ARTEFACTS / f"{name}.json").read_text())["runtime"])


def place(evm: Evm, owner: bytes, address: str = USDT) -> None:
    """Put the token at its address, all of it its owner's."""
    where = decoded(address)
    evm.place(where, runtime("TronUSDT"))
    evm.transact(owner, where, 0, bytes.fromhex(_BEGIN) + owner.rjust(32, b"\0") + SUPPLY.to_bytes(32, "big"))


def give(evm: Evm, owner: bytes, to: bytes, amount: int) -> None:
    """Move units from the owner, outside of any transaction."""
    data = bytes.fromhex("a9059cbb") + to.rjust(32, b"\0") + amount.to_bytes(32, "big")
    evm.transact(owner, decoded(USDT), 0, data)
