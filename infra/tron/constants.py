"""Constant calls: a contract's code, or any, run on the state of one side and forgotten."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from ctrip.domain.chains.evm.keccak import keccak
from infra.tron import answers, wire
from infra.tron.chain import Block
from infra.tron.evm import CONSTANT_ENERGY, Run, long
from infra.tron.execution import ENERGY_PRICE, FACTOR
from infra.tron.ledger import Ledger
from infra.tron.requests import address, octets

_REVERTED = "REVERT opcode executed"
_CREATE = "CreateSmartContract"
_CPU = "class org.tron.core.vm.program.Program$OutOfTimeException : CPU timeout for 'ADD' operation executing"
_ENERGY = (
    "class org.tron.core.vm.program.Program$OutOfEnergyException : Not enough energy for 'ADD' operation executing: "
    f"curInvokeEnergyLimit[{CONSTANT_ENERGY}], curOpEnergy[3], usedEnergy[{CONSTANT_ENERGY}]"
)


def trigger(ledger: Ledger, asked: dict[str, Any], *, solid: bool) -> dict[str, Any]:
    """Answer `triggerconstantcontract`."""
    faults = ledger.faults
    owner = address(asked, "owner_address")
    contract = address(asked, "contract_address", needed=False)
    data = _data(asked)
    block = ledger.solid if solid else ledger.head
    shown = block
    torn = solid and faults.take("torn")
    if torn:
        ledger.mine()  # the newest final block moves while the call runs
        shown = ledger.solid
    version = shown.version if solid else None
    if contract and not ledger.world.is_contract(contract, version):
        return _refused("CONTRACT_VALIDATE_ERROR", "Smart contract is not exist.")
    told = _run(ledger, owner, contract, data, block, version)
    if solid and not torn and faults.take("moves"):
        ledger.mine()
    return told


def _run(
    ledger: Ledger, owner: bytes, contract: bytes, data: bytes, block: Block, version: int | None
) -> dict[str, Any]:
    place = contract or sha256(data + block.id.encode()).digest()[-20:]
    if contract:
        run = ledger.world.evm.run(owner, place, data, block.environment, version=version)
    else:
        run = ledger.world.evm.run(owner, place, b"", block.environment, version=version, code=data)
    if refused := _too_much(ledger, run):
        return refused
    penalty = _penalty(ledger, contract, run)
    failed = bool(run.failure)
    told: dict[str, Any] = {"result": {"result": True}}
    if failed:
        told["result"]["message"] = (_REVERTED if run.failure == "revert" else run.failure).encode().hex()
    told |= {"energy_used": run.energy + penalty, "constant_result": [run.output.hex()]}
    told |= answers.lean({"energy_penalty": penalty, "logs": [answers.log(each) for each in run.logs]})
    told["transaction"] = _transaction(block, owner, contract, data, place, failed)
    tx_id = told["transaction"]["txID"]
    calls = [answers.inner(each, tx_id, i, answers.writer(False)) for i, each in enumerate(run.internal)]
    return told | answers.lean({"internal_transactions": calls})


def _data(asked: dict[str, Any]) -> bytes:
    if selector := str(asked.get("function_selector", "")):
        return keccak(selector.encode())[:4] + octets(asked, "parameter")
    return octets(asked, "data")


def _too_much(ledger: Ledger, run: Run) -> dict[str, Any] | None:
    """Answer as a node whose time or energy has run out: there is no part of an answer."""
    faults = ledger.faults
    if faults.take("tired") or run.failure == "energy":
        return _refused("OTHER_ERROR", _ENERGY)
    if len(run.internal) > faults.calls or len(run.output) > 32 * faults.words:
        return _refused("OTHER_ERROR", _CPU)
    return None


def _penalty(ledger: Ledger, contract: bytes, run: Run) -> int:
    """Return what busy contracts' calls cost beside; of a call without a contract, a part of it is theirs."""
    factors = ledger.world.factors
    if contract:
        return run.energy * factors.get(contract, 0) // FACTOR
    called = [factors.get(each.to, 0) for each in run.internal]
    return run.energy * max(called, default=0) // (2 * FACTOR)


def _refused(code: str, words: str) -> dict[str, Any]:
    return {"result": {"code": code, "message": words.encode().hex()}}


def _transaction(
    block: Block, owner: bytes, contract: bytes, data: bytes, place: bytes, failed: bool
) -> dict[str, Any]:
    """Write the transaction that a node makes of a call, which nobody signs."""
    references = {"ref_block_bytes": block.id[12:16], "ref_block_hash": block.id[16:32]}
    times = {"expiration": block.time + 60_000, "timestamp": block.time + 1}
    raw: dict[str, Any]
    if contract:
        call = wire.Call(kind=wire.TRIGGER, owner=owner, to=contract, data=data)
        kind, value = wire.NAMES[wire.TRIGGER], answers.value_of(call, answers.writer(False))
        octets_ = wire.write_call(call)
    else:
        text = long(owner)
        made = {"bytecode": data.hex(), "consume_user_resource_percent": 100, "origin_address": text}
        value = {"owner_address": text, "new_contract": made | {"origin_energy_limit": 1}}
        kind, octets_ = _CREATE, data
    parameter = {"value": value, "type_url": wire.TYPE_URL + kind}
    raw = {"contract": [{"parameter": parameter, "type": kind}], **references, **times}
    told: dict[str, Any] = {"ret": [{"ret": "FAILED"} if failed else {}], "visible": False}
    told["txID"] = sha256(octets_ + block.id.encode()).hexdigest()
    if not contract:
        told["contract_address"] = long(place)
    return told | {"raw_data": raw, "raw_data_hex": octets_.hex()}


def estimate(ledger: Ledger, asked: dict[str, Any], *, solid: bool) -> dict[str, Any]:
    """Answer `estimateenergy`: a search in steps of one TRX's energy, which ends above what is needed."""
    if ledger.faults.no_estimate:
        return _refused("CONTRACT_VALIDATE_ERROR", "this node does not support estimate energy")
    told = trigger(ledger, asked, solid=solid)
    if told["result"].get("result") is not True:
        return {"result": told["result"]}
    if "message" in told["result"]:
        return _refused("CONTRACT_EXE_ERROR", _REVERTED)
    step = 1_000_000 // ENERGY_PRICE
    return {"result": {"result": True}, "energy_required": told["energy_used"] * 5 // 4 // step * step + step}
