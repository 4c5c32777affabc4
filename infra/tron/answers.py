"""How a node writes blocks, transactions and accounts: fields that are zero are left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ctrip.domain.chains.tron.addresses import encoded
from infra.tron.accounts import FREE_BYTES, TOTAL_BYTES, TOTAL_ENERGY, Account, Network
from infra.tron.chain import Block, Executed
from infra.tron.evm import Internal, Log, long
from infra.tron.wire import (
    BANDWIDTH,
    ENERGY,
    FREEZE,
    NAMES,
    PERMISSION,
    TRANSFER,
    TRIGGER,
    TYPE_URL,
    Call,
    Permission,
    Signed,
    write_call,
)

Writer = Callable[[bytes], str]
_OPERATIONS = "7fff1fc0033e0100000000000000000000000000000000000000000000000000"
_SIGNATURE = "00" * 65
_WITNESS = bytes(19) + b"\x01"
_DAY_SLOTS = 28_800


def writer(visible: bool) -> Writer:
    """Return how addresses are written: in base58 where a request says `visible`."""
    return encoded if visible else long


def lean(fields: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is zero or empty."""
    return {name: value for name, value in fields.items() if value not in (0, "", None, [], {}, ())}


# -- blocks


def header(block: Block) -> dict[str, Any]:
    """Write a block without its transactions."""
    raw = {
        "number": block.number,
        "txTrieRoot": block.root,
        "witness_address": long(_WITNESS),
        "parentHash": block.parent,
        "version": 32,
        "timestamp": block.time,
    }
    return {"blockID": block.id, "block_header": {"raw_data": lean(raw), "witness_signature": _SIGNATURE}}


def whole(block: Block, write: Writer) -> dict[str, Any]:
    """Write a block with its transactions; one without any has no such field."""
    transactions = [transaction(each, write) for each in block.transactions]
    return header(block) | lean({"transactions": transactions})


# -- transactions


def transaction(done: Executed, write: Writer) -> dict[str, Any]:
    """Write a transaction that was executed: one that waits looks the same as one that is mined."""
    signed = done.signed
    return {
        "ret": [{"contractRet": done.result}],
        "signature": [each.hex() for each in signed.signatures],
        "txID": signed.tx_id,
        "raw_data": raw_data(signed, write),
        "raw_data_hex": signed.raw.hex(),
    }


def raw_data(signed: Signed, write: Writer) -> dict[str, Any]:
    """Write what was signed."""
    call = signed.call
    parameter = {"value": value_of(call, write), "type_url": TYPE_URL + NAMES[call.kind]}
    return lean(
        {
            "data": signed.memo.hex(),
            "contract": [{"parameter": parameter, "type": NAMES[call.kind]}],
            "ref_block_bytes": signed.ref_bytes.hex(),
            "ref_block_hash": signed.ref_hash.hex(),
            "expiration": signed.expiration,
            "fee_limit": signed.fee_limit,
            "timestamp": signed.timestamp,
        }
    )


def value_of(call: Call, write: Writer) -> dict[str, Any]:
    """Write what a contract of a kind holds."""
    owner = {"owner_address": write(call.owner)}
    if call.kind == TRANSFER:
        return lean({"amount": call.amount, "to_address": write(call.to)}) | owner
    if call.kind == TRIGGER:
        called = {"data": call.data.hex(), "contract_address": write(call.to), "call_value": call.amount}
        return lean(called) | owner
    resource = {"resource": "ENERGY"} if call.resource == ENERGY else {}
    if call.kind == FREEZE:
        return resource | {"frozen_balance": call.amount} | owner
    if call.kind == PERMISSION:
        first, *others = call.permissions
        return {"owner": _permission(first, 0, write), "actives": _actives(tuple(others), write)} | owner
    return resource | {"balance": call.amount, "receiver_address": write(call.to)} | owner


def as_text(signed: Signed) -> str:
    """Write a transaction as `broadcasthex` repeats it: its contract's message in hexadecimal digits."""
    call = signed.call
    parameter = {"type_url": TYPE_URL + NAMES[call.kind], "value": write_call(call).hex()}
    raw = lean(
        {
            "ref_block_bytes": signed.ref_bytes.hex(),
            "ref_block_hash": signed.ref_hash.hex(),
            "expiration": signed.expiration,
            "data": signed.memo.hex(),
            "contract": [{"type": NAMES[call.kind], "parameter": parameter}],
            "timestamp": signed.timestamp,
            "fee_limit": signed.fee_limit,
        }
    )
    return json.dumps({"raw_data": raw} | lean({"signature": [each.hex() for each in signed.signatures]}))


def info(done: Executed, block: Block, write: Writer, *, internal: bool) -> dict[str, Any]:
    """Write what became of a mined transaction."""
    told = {name: value for name, value in done.info.items() if name not in ("log", "internal")}
    if "contract_address" in told:
        told["contract_address"] = write(told["contract_address"])
    calls = done.info.get("internal", ()) if internal else ()
    return lean(
        {
            "id": done.signed.tx_id,
            "blockNumber": block.number,
            "blockTimeStamp": block.time,
            **told,
            "receipt": lean(told["receipt"]),
            "log": [log(each) for each in done.info.get("log", ())],
            "internal_transactions": [inner(each, done.signed.tx_id, place, write) for place, each in enumerate(calls)],
        }
    )


def log(found: Log) -> dict[str, Any]:
    """Write a log: its address has no prefix."""
    return {"address": found.address.hex(), "topics": list(found.topics)} | lean({"data": found.data})


def inner(call: Internal, tx_id: str, place: int, write: Writer) -> dict[str, Any]:
    """Write a contract's call of another; its coins are left out where there are none."""
    digest = (int(tx_id, 16) + place + 1) % 2**256
    told = {
        "hash": f"{digest:064x}",
        "caller_address": write(call.sender),
        "transferTo_address": write(call.to),
        "callValueInfo": [lean({"callValue": call.value})],
        "note": call.kind.encode().hex(),
    }
    return told | ({"rejected": True} if call.failed else {})


# -- accounts


def account(address: bytes, held: Account, balance: int, write: Writer) -> dict[str, Any]:
    """Write an account."""
    permissions = held.permissions or (Permission(((address, 1),)),) * 2
    told = {
        "address": write(address),
        "type": "Contract" if held.contract else None,
        "balance": balance,
        "create_time": held.created,
        "net_usage": held.bytes_used.amount,
        "free_net_usage": held.free.amount,
        "latest_consume_time": held.bytes_used.at,
        "latest_consume_free_time": held.free.at,
        "net_window_size": _DAY_SLOTS,
        "account_resource": _energy_of(held),
        "delegated_frozenV2_balance_for_bandwidth": held.lent[BANDWIDTH],
        "acquired_delegated_frozenV2_balance_for_bandwidth": held.borrowed[BANDWIDTH],
        "owner_permission": _permission(permissions[0], 0, write),
        "active_permission": _actives(permissions[1:], write),
        "frozenV2": [
            lean({"amount": held.staked[BANDWIDTH] - held.lent[BANDWIDTH]}),
            {"type": "ENERGY"} | lean({"amount": held.staked[ENERGY] - held.lent[ENERGY]}),
            {"type": "TRON_POWER"},
        ],
        "asset_optimized": True,
    }
    return lean(told)


def _energy_of(held: Account) -> dict[str, Any]:
    told = {
        "energy_usage": held.energy_used.amount,
        "latest_consume_time_for_energy": held.energy_used.at,
        "energy_window_size": _DAY_SLOTS,
        "delegated_frozenV2_balance_for_energy": held.lent[ENERGY],
        "acquired_delegated_frozenV2_balance_for_energy": held.borrowed[ENERGY],
    }
    return lean(told)


def _permission(permission: Permission, place: int, write: Writer) -> dict[str, Any]:
    keys = [{"address": write(key), "weight": weight} for key, weight in permission.keys]
    if not place:
        return {"permission_name": "owner", "threshold": permission.threshold, "keys": keys}
    return {
        "type": "Active",
        "id": place + 1,
        "permission_name": "active",
        "threshold": permission.threshold,
        "operations": _OPERATIONS,
        "keys": keys,
    }


def _actives(permissions: tuple[Permission, ...], write: Writer) -> list[dict[str, Any]]:
    return [_permission(each, place, write) for place, each in enumerate(permissions, 1)]


def resources(held: Account, network: Network, time: int) -> dict[str, Any]:
    """Write what an account may use up, and has used up."""
    return lean(
        {
            "freeNetUsed": held.free.now(time),
            "freeNetLimit": FREE_BYTES,
            "NetUsed": held.bytes_used.now(time),
            "NetLimit": network.limit(held, BANDWIDTH),
            "TotalNetLimit": TOTAL_BYTES,
            "TotalNetWeight": network.byte_weight,
            "EnergyUsed": held.energy_used.now(time),
            "EnergyLimit": network.limit(held, ENERGY),
            "TotalEnergyLimit": TOTAL_ENERGY,
            "TotalEnergyWeight": network.energy_weight,
        }
    )


def balance_trace(block: Block, write: Writer) -> dict[str, Any]:
    """Write every change of TRX in a block, a transaction each."""
    traces = [
        {
            "transaction_identifier": each.signed.tx_id,
            "operation": [
                {"operation_identifier": place, "address": write(address), "amount": amount}
                for place, (address, amount) in enumerate(each.moves)
            ],
            "type": NAMES[each.signed.call.kind],
            "status": each.result,
        }
        for each in block.transactions
    ]
    told = {"block_identifier": {"hash": block.id, "number": block.number}, "timestamp": block.time}
    return told | lean({"transaction_balance_trace": traces})
