"""What a transaction costs and does. It is executed when it is broadcast, as nodes do; a block only gathers it up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from infra.tron import stakes
from infra.tron.accounts import FREE_BYTES, Account, Network
from infra.tron.chain import Block, Executed
from infra.tron.evm import Internal, Run
from infra.tron.parameters import PARAMETERS
from infra.tron.refusals import Refusal, insufficient, invalid
from infra.tron.wire import BANDWIDTH, DELEGATE, ENERGY, FREEZE, PERMISSION, TRANSFER, TRIGGER, Signed
from infra.tron.world import World

BYTE_PRICE, ENERGY_PRICE = PARAMETERS["getTransactionFee"] or 0, PARAMETERS["getEnergyFee"] or 0
# An account's first coin costs the one, and the other in place of bandwidth.
CREATION, CREATION_BYTES = (
    PARAMETERS["getCreateNewAccountFeeInSystemContract"] or 0,
    PARAMETERS["getCreateAccountFee"] or 0,
)
MEMO, PERMISSION_FEE = PARAMETERS["getMemoFee"] or 0, PARAMETERS["getUpdateAccountPermissionFee"] or 0
MOST_FEE = PARAMETERS["getMaxFeeLimit"] or 0
RESULT_BYTES = 64  # what a transaction's result may add to it
FACTOR = 10_000
_REVERTED = "REVERT opcode executed"


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """How a transaction's bytes are paid: from stake or free ones (`usage`), or in sun (`fee`)."""

    account: Account
    usage: int = 0
    fee: int = 0


@dataclass(slots=True)
class Work:
    """One transaction on its way through."""

    world: World
    head: Block
    signed: Signed
    sender: Account
    network: Network
    bandwidth: Bandwidth

    @property
    def upfront(self) -> int:
        """Return what is burnt whatever the contract does: bytes and memo."""
        return self.bandwidth.fee + (MEMO if self.signed.memo else 0)


def execute(world: World, head: Block, signed: Signed) -> Executed:
    """Check what a transaction asks for, and do it; raises `Refusal` and changes nothing where it is not taken."""
    call = signed.call
    sender = world.accounts.get(call.owner)
    if sender is None:
        raise Refusal.of_missing(call.owner)
    network = world.network()
    balance = world.evm.balance(call.owner)
    bandwidth = _bandwidth(world, head, signed, sender, network, balance)
    work = Work(world, head, signed, sender, network, bandwidth)
    if work.upfront > balance:
        raise insufficient()
    left = balance - work.upfront
    if call.kind == TRIGGER:
        return _trigger(work, left)
    if call.kind == TRANSFER:
        return _transfer(work, left)
    return _system(work, left)


def _bandwidth(world: World, head: Block, signed: Signed, sender: Account, network: Network, balance: int) -> Bandwidth:
    size, call = signed.size + RESULT_BYTES, signed.call
    new = call.kind == TRANSFER and world.accounts.get(call.to) is None
    if size <= network.limit(sender, BANDWIDTH) - sender.bytes_used.now(head.time):
        return Bandwidth(replace(sender, bytes_used=sender.bytes_used.plus(size, head.time)), usage=size)
    if not new and size <= FREE_BYTES - sender.free.now(head.time):
        return Bandwidth(replace(sender, free=sender.free.plus(size, head.time)), usage=size)
    fee = CREATION_BYTES if new else size * BYTE_PRICE
    if fee > balance:
        raise insufficient()
    return Bandwidth(sender, fee=fee)


# -- coins


def _transfer(work: Work, left: int) -> Executed:
    world, call = work.world, work.signed.call
    _check_transfer(world, call.owner, call.to, call.amount)
    new = world.accounts.get(call.to) is None
    creation = CREATION if new else 0
    if call.amount + creation > left:
        raise invalid("Validate TransferContract error, balance is not sufficient.")
    version = world.evm.step()
    world.activate(call.to, version, work.head.time)
    return _done(work, version, creation, [(call.owner, -call.amount), (call.to, call.amount)])


def _check_transfer(world: World, owner: bytes, to: bytes, amount: int) -> None:
    if len(to) != 20:
        raise invalid("Invalid toAddress!")
    if owner == to:
        raise invalid("Cannot transfer TRX to yourself.")
    if amount <= 0:
        raise invalid("Amount must be greater than 0.")
    if world.is_contract(to):
        raise invalid("Cannot transfer TRX to a smartContract.")


# -- stakes and permissions


def _system(work: Work, left: int) -> Executed:
    call, world = work.signed.call, work.world
    if call.kind == PERMISSION:
        if left < PERMISSION_FEE:
            raise invalid("Validate AccountPermissionUpdateContract error, balance is not sufficient.")
        version = world.evm.step()
        done = _done(work, version, PERMISSION_FEE, [])
        world.accounts.put(call.owner, version, replace(work.bandwidth.account, permissions=call.permissions))
        return done
    if call.kind == FREEZE:
        stakes.check_freeze(call, left)
        version = world.evm.step()
        done = _done(work, version, 0, [(call.owner, -call.amount)])
        grown = work.bandwidth.account.with_stake("staked", call.resource, call.amount)
        world.accounts.put(call.owner, version, grown)
        return done
    lends = call.kind == DELEGATE
    (stakes.check_delegate if lends else stakes.check_undelegate)(world, work.head, call, work.bandwidth.account)
    version = world.evm.step()
    done = _done(work, version, 0, [])
    (stakes.delegate if lends else stakes.undelegate)(world, work.head, call, version)
    return done


# -- contracts


def _trigger(work: Work, left: int) -> Executed:
    world, signed, call = work.world, work.signed, work.signed.call
    if not 0 <= signed.fee_limit <= MOST_FEE:
        raise invalid(f"feeLimit must be >= 0 and <= {MOST_FEE}")
    if len(call.to) != 20 or not world.is_contract(call.to):
        raise invalid("No contract or not a smart contract")
    if call.amount > left:
        raise invalid("Validate InternalTransfer error, balance is not sufficient.")
    staked = max(work.network.limit(work.sender, ENERGY) - work.sender.energy_used.now(work.head.time), 0)
    limit = min(staked + (left - call.amount) // ENERGY_PRICE, signed.fee_limit // ENERGY_PRICE)
    run = world.evm.run(call.owner, call.to, call.data, work.head.environment, value=call.amount)
    penalty = run.energy * world.factors.get(call.to, 0) // FACTOR
    result, words = _outcome(run, run.energy + penalty, limit)
    used = min(run.energy + penalty, limit)
    if result == "SUCCESS":
        version = world.evm.transact(call.owner, call.to, call.amount, call.data)
        for each in _paid(run.internal):
            world.activate(each.to, version, work.head.time)
    else:
        version = world.evm.step()
    from_stake = min(used, staked)
    receipt = {
        "energy_usage": from_stake,
        "energy_fee": (used - from_stake) * ENERGY_PRICE,
        "energy_usage_total": used,
        "energy_penalty_total": min(penalty, used),
        "result": result,
    }
    info = _told_of_run(call.to, run, result, words)
    moves = _moved(call.owner, call.to, call.amount, run.internal) if result == "SUCCESS" else []
    return _done(
        work,
        version,
        0,
        moves,
        result=result,
        info=info,
        receipt=receipt,
        account=replace(
            work.bandwidth.account, energy_used=work.bandwidth.account.energy_used.plus(from_stake, work.head.time)
        ),
        moved=True,
    )


def _outcome(run: Run, energy: int, limit: int) -> tuple[str, str]:
    """Return a call's result, and the node's words about one that fails."""
    if energy > limit or run.failure == "energy":
        told = f"curInvokeEnergyLimit[{limit}], curOpEnergy[0], usedEnergy[{min(energy, limit)}]"
        return "OUT_OF_ENERGY", f"Not enough energy for 'SSTORE' operation executing: {told}"
    if any(each.value and each.sender == each.to for each in run.internal):
        return "TRANSFER_FAILED", "transfer trx failed: Cannot transfer TRX to yourself."
    if run.failure == "revert":
        return "REVERT", _REVERTED
    return ("UNKNOWN", run.failure) if run.failure else ("SUCCESS", "")


def _told_of_run(contract: bytes, run: Run, result: str, words: str) -> dict[str, Any]:
    answered = run.output.hex() if result in ("SUCCESS", "REVERT") else ""
    failed = result != "SUCCESS"
    told: dict[str, Any] = {"contractResult": [answered], "contract_address": contract, "internal": ()}
    if failed:
        told |= {"result": "FAILED", "resMessage": words.encode().hex()}
    if result in ("SUCCESS", "REVERT"):
        told["internal"] = tuple(replace(each, failed=each.failed or failed) for each in run.internal)
    return told | ({"log": run.logs} if run.logs and not failed else {})


def _paid(internal: Iterable[Internal]) -> list[Internal]:
    return [each for each in internal if each.value and not each.failed]


def _moved(owner: bytes, contract: bytes, value: int, internal: Iterable[Internal]) -> list[tuple[bytes, int]]:
    """Return what a call changed of whose TRX, an account each."""
    changed: dict[bytes, int] = {}
    for sender, to, amount in [(owner, contract, value), *((e.sender, e.to, e.value) for e in _paid(internal))]:
        changed[sender] = changed.get(sender, 0) - amount
        changed[to] = changed.get(to, 0) + amount
    return [(address, amount) for address, amount in changed.items() if amount]


# -- what remains of it


def _done(
    work: Work,
    version: int,
    burnt: int,
    moves: list[tuple[bytes, int]],
    *,
    result: str = "SUCCESS",
    info: dict[str, Any] | None = None,
    receipt: dict[str, Any] | None = None,
    account: Account | None = None,
    moved: bool = False,
) -> Executed:
    """Charge the sender, and write the transaction down; `moved`: the machine has moved the coins already."""
    world, owner = work.world, work.signed.call.owner
    energy = (receipt or {}).get("energy_fee", 0)
    fee = work.upfront + burnt + energy
    for address, amount in [] if moved else moves:
        world.evm.credit(address, amount)
    world.evm.credit(owner, -fee)
    world.accounts.put(owner, version, account or work.bandwidth.account)
    told = {
        "fee": fee,
        "contractResult": [""],
        "receipt": {"net_usage": work.bandwidth.usage, "net_fee": work.bandwidth.fee} | (receipt or {}),
    }
    every = [(owner, -work.upfront), *moves, (owner, -burnt - energy)]
    return Executed(
        signed=work.signed,
        version=version,
        result=result,
        info=told | (info or {}),
        moves=tuple(each for each in every if each[1]),
    )
