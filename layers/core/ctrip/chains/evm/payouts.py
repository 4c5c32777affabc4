"""Many payouts in one transaction on EVM chains: who can be in one, whether that saves gas, and the call itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from ctrip.chains.evm.batches import MOST_GAS, ROOM
from ctrip.chains.evm.gas import Price
from ctrip.chains.evm.node import EvmNode
from ctrip.chains.evm.terms import GasTerms, written
from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import BalanceQuery, Block
from ctrip.domain.chains.evm.pay_call import PayCall, approve_data, pay_data
from ctrip.domain.chains.evm.sweep_contracts import payout_batcher
from ctrip.domain.chains.evm.transaction import NATIVE_GAS, Call, transfer_data
from ctrip.domain.errors import Refused
from ctrip.domain.sweeping.plan import Collection, Order, Quote

# About what is used, as measured on Anvil: a call of the contract, and each payment in it; of a token, how much less a
# payment costs than a transfer of its own.
_COIN_START, _COIN_USED, _TOKEN_START, _TOKEN_SAVED = 25_000, 12_500, 33_000, 24_000
APPROVAL_GAS = 46_600
ENOUGH = 2**128  # an allowance beyond which no token's supply goes
# The limit: the call itself; each payment's turn beside what it is given; what the contract keeps for the last one.
_START_GAS, _COIN_TURN, _TOKEN_TURN, _COIN_KEPT, _TOKEN_KEPT = 40_000, 16_000, 12_000, 60_000, 15_000
_COIN_EACH = 5_000  # a plain account needs none of it
_ALLOWANCE_ROOM = 10_000  # what taking by an allowance costs more than a transfer
_START_BYTES, _PAYMENT_BYTES = 350, 64


@dataclass(frozen=True, slots=True)
class EvmPayouts:
    """Plans payouts together, of one chain at one block, at one price."""

    network: Network
    node: EvmNode
    head: Block
    price: Price

    def missing(self, treasury: str) -> str:
        """Say why payouts cannot be sent together here; empty where they can."""
        if self.network.gas_estimated:
            return "the chain's gas pays for the layer below too, and nobody has measured what a payment costs there"
        batcher = payout_batcher(treasury)
        try:
            (found,) = self.node.accounts(self.head, [batcher.address])
        except Refused as exc:
            return f"the nodes do not tell whether they can: {exc}"
        if found.code != batcher.runtime:
            state = "is not deployed" if found.code == "0x" else "is not what this release deploys"
            return f"{batcher.name} {state} at {batcher.address}: ctrip contracts deploy {self.network.name}"
        return ""

    def quote(self, orders: Sequence[Order]) -> Collection:
        """Choose those that one transaction pays for less gas than one for each; none where it saves nothing."""
        able, refused = self._coin(orders) if orders[0].token is None else self._token(orders)
        gas_each = _COIN_EACH if orders[0].token is None else self._gas_each(able)
        fitting = self._fitting(able, gas_each)
        if gas_each == 0 or not saves(len(fitting), token=orders[0].token is not None):
            return Collection(Quote(0), (), refused=refused)
        return Collection(self._quote(fitting, gas_each), tuple(fitting), refused=refused)

    def _coin(self, orders: Sequence[Order]) -> tuple[list[Order], dict[str, str]]:
        """Leave contracts out, which are estimated alone, and addresses that nobody has used, which cost more here."""
        accounts = self.node.accounts(self.head, [each.to for each in orders])
        held = self.node.balances(self.head, [BalanceQuery(each.to, None) for each in orders])
        refused = {
            order.to: "it is a contract" if account.code != "0x" else "it is new, which costs more together"
            for order, account, balance in zip(orders, accounts, held, strict=True)
            if account.code != "0x" or not (account.nonce or balance)
        }
        return [each for each in orders if each.to not in refused], refused

    def _token(self, orders: Sequence[Order]) -> tuple[list[Order], dict[str, str]]:
        whole, first = sum(each.amount for each in orders), orders[0]
        if self._allowance(first.sender, str(first.token)) < whole:
            return [], {}
        calls = [Call(each.sender, str(each.token), transfer_data(each.to, each.amount)) for each in orders]
        answers = zip(orders, self.node.refusals(self.head, calls), strict=True)
        refused = {order.to: reason for order, reason in answers if reason}
        return [each for each in orders if each.to not in refused], refused

    def _gas_each(self, able: Sequence[Order]) -> int:
        for order in able:
            try:
                data = transfer_data(order.to, order.amount)
                return self.node.estimate_gas(order.sender, str(order.token), 0, data) + _ALLOWANCE_ROOM
            except Refused:
                continue  # it is told alone
        return 0

    def _fitting(self, able: Sequence[Order], gas_each: int) -> list[Order]:
        """Take as many as the chain's limit of gas and our cap on a transaction's fee allow."""
        most = min(MOST_GAS, self.network.fee_cap // (ROOM * self.price.max_fee))
        count = len(able)
        while count and _limit(able[:count], gas_each) > most:
            count -= 1
        return list(able[:count])

    def _quote(self, orders: Sequence[Order], gas_each: int) -> Quote:
        gas, size = _limit(orders, gas_each), _START_BYTES + len(orders) * _PAYMENT_BYTES
        offer = GasTerms(gas, self.price.max_fee, min(self.price.tip, self.price.max_fee), gas_each)
        return Quote(gas * self.price.max_fee, self.node.layer_fee(size), terms=written(offer))

    def quote_allowance(self, treasury: str, token: str, count: int) -> Quote | None:
        """Say what it costs to let the contract take a token; None where it may, or so many do not pay for it."""
        if self._allowance(treasury, token) >= ENOUGH or saved(count, token=True) < APPROVAL_GAS:
            return None
        spender = payout_batcher(treasury).address
        gas = self.node.estimate_gas(treasury, token, 0, approve_data(spender)) * 6 // 5
        offer = GasTerms(gas, self.price.max_fee, min(self.price.tip, self.price.max_fee))
        return Quote(gas * self.price.max_fee, self.node.layer_fee(), terms=written(offer))

    def _allowance(self, treasury: str, token: str) -> int:
        return self.node.allowance(self.head, token, treasury, payout_batcher(treasury).address)


def saved(count: int, *, token: bool) -> int:
    """Return about how much less gas so many payments use together than each alone; negative where they use more."""
    return count * _TOKEN_SAVED - _TOKEN_START if token else count * (NATIVE_GAS - _COIN_USED) - _COIN_START


def saves(count: int, *, token: bool) -> bool:
    """Whether so many payments use less gas together than each alone."""
    return count > 1 and saved(count, token=token) > 0


def pay_together(
    treasury: str, token: str | None, payments: Sequence[tuple[str, int]], gas_each: int
) -> tuple[str, int, str]:
    """Return the contract to call, the coin that goes with it, and the call."""
    value = sum(amount for _, amount in payments) if token is None else 0
    return payout_batcher(treasury).address, value, pay_data(PayCall(token, tuple(payments), gas_each))


def _limit(orders: Sequence[Order], gas_each: int) -> int:
    coin = not orders or orders[0].token is None
    turn, kept = (_COIN_TURN, _COIN_KEPT) if coin else (_TOKEN_TURN, _TOKEN_KEPT)
    return _START_GAS + len(orders) * (gas_each + gas_each // 63 + turn) + kept
