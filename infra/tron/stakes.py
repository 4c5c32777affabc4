"""Stakes that give bandwidth and energy, and the lending of them."""

from __future__ import annotations

from dataclasses import replace

from infra.tron.accounts import TOTAL_ENERGY, TRX, Account, Usage
from infra.tron.chain import Block
from infra.tron.evm import long
from infra.tron.refusals import invalid
from infra.tron.wire import ENERGY, Call
from infra.tron.world import World


def check_freeze(call: Call, left: int) -> None:
    """Refuse a stake that is too small or that its owner does not have."""
    if call.amount < TRX:
        raise invalid("frozenBalance must be greater than or equal to 1 TRX")
    if call.amount > left:
        raise invalid("frozenBalance must be less than or equal to accountBalance")


def lendable(world: World, account: Account, resource: int, time: int, version: int | None = None) -> int:
    """Return the sun of stake that an account may lend: what it has used up itself stays with it."""
    network = world.network(version)
    used = account.energy_used.now(time) if resource == ENERGY else account.bytes_used.now(time)
    total = TOTAL_ENERGY if resource == ENERGY else max(network.limit(account, resource), 1)
    mine = account.staked[resource] - account.lent[resource]
    return max(mine - used * network.weight(resource) * TRX // total, 0) if resource == ENERGY else mine


def check_delegate(world: World, head: Block, call: Call, sender: Account) -> None:
    """Refuse to lend what is not there, and to whom nothing can be lent."""
    receiver = world.accounts.get(call.to)
    if call.amount < TRX:
        raise invalid("delegateBalance must be greater than or equal to 1 TRX")
    if call.amount > lendable(world, sender, call.resource, head.time):
        raise invalid("delegateBalance must be less than or equal to available FreezeEnergyV2 balance")
    if call.to == call.owner:
        raise invalid("receiverAddress must not be the same as ownerAddress")
    if receiver is None:
        raise invalid(f"Account[{long(call.to)}] not exists")
    if receiver.contract:
        raise invalid("Do not allow delegate resources to contract addresses")


def check_undelegate(world: World, head: Block, call: Call, sender: Account) -> None:
    """Refuse to take back more than was lent."""
    lent = (world.loans.get((call.owner, call.to)) or (0, 0))[call.resource]
    if not lent:
        raise invalid("delegated Resource does not exist")
    if not 0 < call.amount <= lent:
        told = f"request={call.amount}, unlock_balance={lent}"
        raise invalid(f"insufficient delegatedFrozenBalance(Energy), {told}")


def delegate(world: World, head: Block, call: Call, version: int) -> None:
    """Lend."""
    _move(world, call, version, call.amount)


def undelegate(world: World, head: Block, call: Call, version: int) -> None:
    """Take back; what the borrower has used up comes back as used."""
    borrower, owner = world.accounts.get(call.to), world.accounts.get(call.owner)
    assert borrower is not None
    assert owner is not None
    if call.resource == ENERGY and (stake := borrower.stake(ENERGY)):
        most = call.amount * TOTAL_ENERGY // (world.network().energy_weight * TRX)
        returned = min(borrower.energy_used.now(head.time) * call.amount // stake, most)
        rest = Usage(borrower.energy_used.now(head.time) - returned, head.time)
        world.accounts.put(call.to, version, replace(borrower, energy_used=rest))
        used = owner.energy_used.plus(returned, head.time)
        world.accounts.put(call.owner, version, replace(owner, energy_used=used))
    _move(world, call, version, -call.amount)


def _move(world: World, call: Call, version: int, amount: int) -> None:
    owner, other = world.accounts.get(call.owner), world.accounts.get(call.to)
    assert owner is not None
    assert other is not None
    world.accounts.put(call.owner, version, owner.with_stake("lent", call.resource, amount))
    world.accounts.put(call.to, version, other.with_stake("borrowed", call.resource, amount))
    held = list(world.loans.get((call.owner, call.to)) or (0, 0))
    held[call.resource] += amount
    world.loans.put((call.owner, call.to), version, (held[0], held[1]) if any(held) else None)
