"""What the full side says of accounts, and what work costs there: nothing is credited by it."""

from typing import Any

from ctrip.chains.shared.errors import Reverted
from ctrip.chains.tron import codec
from ctrip.chains.tron.endpoints import Endpoint
from ctrip.domain.chains.tron.account import Account, Prices, Stake
from ctrip.domain.chains.tron.addresses import to_hex
from ctrip.domain.errors import Reverts

_ENERGY = 1  # the kind of resource


def account(endpoint: Endpoint, address: str) -> Account:
    """Return an account; what it may use for nothing is the greater of two rests, of which a transaction takes one."""
    named = {"address": to_hex(address)}
    found = codec.table(endpoint.full("getaccount", named))
    if not found:
        return Account(address=address)
    if codec.address(found["address"]) != address:
        raise ValueError("another account than the one asked for")
    resources = codec.table(endpoint.full("getaccountresource", named))
    return Account(
        address=address,
        activated=True,
        balance=codec.number(found, "balance"),
        bandwidth=max(_rest(resources, "freeNetLimit", "freeNetUsed"), _rest(resources, "NetLimit", "NetUsed")),
        energy=_rest(resources, "EnergyLimit", "EnergyUsed"),
        foreign=any(not _own(each, address) for each in _permissions(found)),
    )


def _rest(resources: dict[str, Any], limit: str, used: str) -> int:
    return max(codec.number(resources, limit) - codec.number(resources, used), 0)


def _permissions(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return those by which money can be moved; an account that has never changed them may have none."""
    owner = [found["owner_permission"]] if "owner_permission" in found else []
    return [codec.table(each) for each in (*owner, *codec.rows(found.get("active_permission")))]


def _own(permission: dict[str, Any], address: str) -> bool:
    """Whether the account's own key, and no other, signs for it."""
    keys = [codec.table(each) for each in codec.rows(permission.get("keys"))]
    if [codec.address(each["address"]) for each in keys] != [address]:
        return False
    return codec.number(keys[0], "weight") >= codec.number(permission, "threshold")


def prices(endpoint: Endpoint) -> Prices:
    """Read the network's prices; one that is zero has no value, one that is not named is an error."""
    rows = map(codec.table, codec.rows(codec.table(endpoint.full("getchainparameters", {}))["chainParameter"]))
    named = {each["key"]: codec.signed(each, "value") for each in rows}
    activation = named["getCreateNewAccountFeeInSystemContract"] + named["getCreateAccountFee"]
    found = Prices(energy=named["getEnergyFee"], byte=named["getTransactionFee"], activation=activation)
    if min(found.energy, found.byte, found.activation) < 0:
        raise ValueError("a price below zero")
    return found


def energy_of(endpoint: Endpoint, owner: str, contract: str, data: str) -> int:
    """Return the energy of a call; `energy_used` holds what a busy contract's calls cost beside (`energy_penalty`)."""
    call = {"owner_address": to_hex(owner), "contract_address": to_hex(contract), "data": data}
    try:
        answer = endpoint.constant(call, solid=False)
    except Reverted as exc:
        raise Reverts(str(exc)) from exc
    return codec.number({"energy_used": answer["energy_used"]}, "energy_used")


def stake(endpoint: Endpoint, owner: str) -> Stake:
    """Return what an account may lend."""
    may = codec.table(endpoint.full("getcandelegatedmaxsize", {"owner_address": to_hex(owner), "type": _ENERGY}))
    resources = codec.table(endpoint.full("getaccountresource", {"address": to_hex(owner)}))
    return Stake(
        lendable=codec.number(may, "max_size"),
        energy_limit=codec.number(resources, "TotalEnergyLimit"),
        energy_weight=codec.number(resources, "TotalEnergyWeight"),
    )


def lent(endpoint: Endpoint, owner: str) -> list[tuple[str, int]]:
    """Return to whom an account has lent energy, and how much stake: locked or not."""
    index = codec.table(endpoint.full("getdelegatedresourceaccountindexv2", {"value": to_hex(owner)}))
    found: list[tuple[str, int]] = []
    for receiver in map(codec.address, codec.rows(index.get("toAccounts"))):
        asked = {"fromAddress": to_hex(owner), "toAddress": to_hex(receiver)}
        held = codec.rows(codec.table(endpoint.full("getdelegatedresourcev2", asked)).get("delegatedResource"))
        if amount := sum(codec.number(codec.table(each), "frozen_balance_for_energy") for each in held):
            found.append((receiver, amount))
    return found
