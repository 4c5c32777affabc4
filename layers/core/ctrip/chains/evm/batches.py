"""Batches on EVM chains: who can be in one, how much gas it may take, and the transaction itself (EIP-7702)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ctrip.chains.evm.gas import Price
from ctrip.chains.evm.node import EvmNode
from ctrip.chains.evm.terms import GasTerms, MemberTerms, gas_terms, member_terms, written
from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import Block
from ctrip.domain.chains.evm.sweep_call import SweepCall, sweep_data
from ctrip.domain.chains.evm.sweep_contracts import SweepPair, delegated_to, is_sweep_delegate, sweep_pair
from ctrip.domain.chains.evm.transaction import (
    AUTHORIZATION_GAS,
    Account,
    Authorization,
    Call,
    transfer_data,
)
from ctrip.domain.errors import Refused
from ctrip.domain.sweeping.plan import Collection, Order, Quote
from ctrip.domain.sweeping.sweep import Terms

MOST_MEMBERS = 300
MOST_GAS = 16_777_216  # EIP-7825: of one transaction
ROOM = 3  # of the cap on a transaction's fee, the part that a first attempt may cost: replacements are dearer
USUAL_GAS = 40_000  # about what a member costs that delegates with the batch
USUAL_START_GAS = 40_000  # about what a batch costs beside its members

# Before what the chain gives back, as the limit must cover it: the batch itself; each member's word in the call, its
# turn in the loop and its event; what the delegate does beside the transfer.
_START_GAS, _TURN_GAS, _DELEGATE_GAS = 60_000, 9_000, 25_000
_START_BYTES, _MEMBER_BYTES, _AUTHORIZATION_BYTES = 300, 32, 100


@dataclass(frozen=True, slots=True)
class EvmBatches:
    """Plans batches of one chain at one block, at one price."""

    network: Network
    node: EvmNode
    head: Block
    price: Price

    def missing(self, treasury: str, operator: str) -> str:
        """Say why batches cannot be sent here; empty where they can."""
        try:
            return self._missing(sweep_pair(treasury, operator), operator)
        except Refused as exc:
            return f"the nodes do not tell whether they can be sent: {exc}"

    def _missing(self, pair: SweepPair, operator: str) -> str:
        for creation in (pair.batcher, pair.delegate):
            (found,) = self.node.accounts(self.head, [creation.address])
            if found.code != creation.runtime:
                state = "is not deployed" if found.code == "0x" else "is not what this release deploys"
                return f"{creation.name} {state} at {creation.address}: ctrip contracts deploy {self.network.name}"
        if not self.node.authorizes(operator, pair.delegate.address):
            return "the chain, or its nodes, do not know transactions of type 4 (EIP-7702)"
        return ""

    def quote(self, orders: Sequence[Order], operator: str) -> Collection:
        """Choose whom one transaction can sweep: those whose transfer would not fail, as many as the gas allows."""
        pair = sweep_pair(orders[0].to, operator)
        accounts = dict(zip(orders, self.node.accounts(self.head, [each.sender for each in orders]), strict=True))
        refused = self._foreign({order.sender: each for order, each in accounts.items()}, pair.delegate.address)
        able = [each for each in orders if each.sender not in refused]
        calls = [Call(each.sender, str(each.token), transfer_data(each.to, each.amount)) for each in able]
        answers = dict(zip(able, self.node.refusals(self.head, calls), strict=True))
        refused |= {order.sender: reason for order, reason in answers.items() if reason}
        able = [each for each in able if each.sender not in refused][:MOST_MEMBERS]
        gas_each = self._gas_each(able, refused)
        able = [each for each in able if each.sender not in refused]
        terms = {each.sender: written(_member(accounts[each], pair)) for each in able}
        if not able:
            return Collection(Quote(0), (), refused=refused)
        fitting = self._fitting(able, terms, gas_each)
        quoted = self._quote(fitting or able[:1], terms, gas_each, operator)
        return Collection(quoted, tuple(fitting), terms, refused)

    def elsewhere(self, address: str) -> str:
        """Say that an address delegates to a contract that is none of ours, or is one; empty where it does not."""
        (account,) = self.node.accounts(self.head, [address])
        return self._foreign({address: account}, "").get(address, "")

    def narrowed(self, collection: Collection, operator: str) -> Quote:
        """Quote again for the orders that are left."""
        return self._quote(collection.orders, collection.terms, gas_terms(collection.quote.terms).gas_each, operator)

    def _foreign(self, accounts: Mapping[str, Account], delegate: str) -> dict[str, str]:
        """Find those whose code is neither our delegation nor an older pair's: somebody else has used their key."""
        foreign = {
            address: delegated_to(account.code) or ""
            for address, account in accounts.items()
            if account.code != "0x" and delegated_to(account.code) != delegate.lower()
        }
        targets = sorted({target for target in foreign.values() if target})
        found = dict(zip(targets, self.node.accounts(self.head, targets), strict=True))
        return {
            address: f"it delegates to {target}, which is none of our contracts" if target else "it is a contract"
            for address, target in foreign.items()
            if not target or not is_sweep_delegate(found[target].code)
        }

    def _gas_each(self, able: Sequence[Order], refused: dict[str, str]) -> int:
        """Return what a member is given, as the first transfer that can be estimated tells; notes those that cannot."""
        for order in able:
            data = transfer_data(order.to, order.amount)
            try:
                return (self.node.estimate_gas(order.sender, str(order.token), 0, data) + _DELEGATE_GAS) * 6 // 5
            except Refused as exc:
                refused[order.sender] = str(exc)
        return 0

    def _fitting(self, able: Sequence[Order], terms: Mapping[str, Terms], gas_each: int) -> list[Order]:
        """Take as many as the chain's limit of gas and our cap on a transaction's fee allow."""
        most, gas = min(MOST_GAS, self.network.fee_cap // (ROOM * self.price.max_fee)), _START_GAS
        fitting: list[Order] = []
        for order in able:
            gas += _turn(terms[order.sender], gas_each)
            if gas > most:
                break
            fitting.append(order)
        return fitting

    def _quote(self, orders: Sequence[Order], terms: Mapping[str, Terms], gas_each: int, operator: str) -> Quote:
        gas = _limit(orders, terms, gas_each)
        if self.network.gas_estimated and orders:
            # Gas pays for the layer below too, by the byte: the call is estimated, the authorizations are longer.
            gas += 4 * self.node.estimate_gas(operator, *_call(orders, operator, gas_each))
        size = _START_BYTES + len(orders) * _MEMBER_BYTES + _authorizing(orders, terms) * _AUTHORIZATION_BYTES
        offer = GasTerms(gas, self.price.max_fee, min(self.price.tip, self.price.max_fee), gas_each)
        return Quote(gas * self.price.max_fee, self.node.layer_fee(size), terms=written(offer))


def batch(
    orders: Sequence[Order], terms: Mapping[str, Terms], operator: str, gas_each: int
) -> tuple[str, str, tuple[Authorization, ...]]:
    """Return the contract to call, the call, and its members' authorizations."""
    pair, (to, _, data) = sweep_pair(orders[0].to, operator), _call(orders, operator, gas_each)
    authorizations = tuple(
        Authorization(path=order.path, address=order.sender, delegate=pair.delegate.address, nonce=after - 1)
        for order in orders
        if (after := member_terms(terms.get(order.sender, ())).nonce_after)
    )
    return to, data, authorizations


def _member(account: Account, pair: SweepPair) -> MemberTerms:
    ours = delegated_to(account.code) == pair.delegate.address.lower()
    return MemberTerms() if ours else MemberTerms(account.nonce + 1)


def _authorizing(orders: Sequence[Order], terms: Mapping[str, Terms]) -> int:
    return sum(1 for order in orders if member_terms(terms[order.sender]).nonce_after)


def _limit(orders: Sequence[Order], terms: Mapping[str, Terms], gas_each: int) -> int:
    """Return the gas of a batch whose every member uses up its share: then the last one still gets its own."""
    return _START_GAS + sum(_turn(terms[order.sender], gas_each) for order in orders)


def _turn(terms: Terms, gas_each: int) -> int:
    authorization = AUTHORIZATION_GAS if member_terms(terms).nonce_after else 0
    return gas_each + gas_each // 63 + _TURN_GAS + authorization


def _call(orders: Sequence[Order], operator: str, gas_each: int) -> tuple[str, int, str]:
    call = SweepCall(str(orders[0].token), tuple(order.sender for order in orders), gas_each)
    return sweep_pair(orders[0].to, operator).batcher.address, 0, sweep_data(call)
