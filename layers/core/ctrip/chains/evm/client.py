"""One EVM network behind `ports.Chain`."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ctrip.chains.evm import explain
from ctrip.chains.evm.codec import (
    BALANCE_OF,
    DECIMALS,
    TRANSFER,
    account,
    block,
    digest,
    from_topic,
    octets,
    pinned,
    quantity,
    topic,
    word,
)
from ctrip.chains.evm.endpoints import Endpoint, Meter, Pool
from ctrip.chains.evm.errors import Missing, Unreachable, held
from ctrip.chains.evm.probe import OtherFork, Prober
from ctrip.chains.evm.transport import ANSWER_SECONDS
from ctrip.domain.assets import Network
from ctrip.domain.chain import Arrivals, Block, Fees, Holding, Receipt, TokenTransfer, Transfer
from ctrip.domain.errors import BroadcastRejected, ChainError, ConfigurationError, Refused
from ctrip.ports import Clock

__all__ = ["EvmChain"]

OP_STACK = frozenset({10, 8453})
GAS_PRICE_ORACLE = "0x420000000000000000000000000000000000000F"
OWN_TRANSACTION_BYTES = 200


class EvmChain:
    """A network by its endpoints, in order of preference; safe to share between threads.

    `jitter` returns a number in [0, 1) that spreads the breakers' rests; `seconds` bounds each answer; the coin's
    arrivals are explained from `explain_blocks` blocks at most. `meter` counts every call.
    """

    def __init__(
        self,
        network: Network,
        urls: Sequence[str],
        clock: Clock,
        *,
        jitter: Callable[[], float] = lambda: 0.5,
        seconds: float = ANSWER_SECONDS,
        explain_blocks: int = explain.BLOCKS,
    ) -> None:
        if not urls:
            raise ConfigurationError(f"chain {network.name} has no RPC endpoint")
        self.network = network
        self._clock = clock
        self.meter = Meter()
        endpoints = [Endpoint(url, network.chain_id, self.meter, clock, jitter, seconds) for url in urls]
        self._pool = Pool(network.name, endpoints, clock, jitter)
        self._prober = Prober(network.chain_id)
        self._explain_blocks = explain_blocks

    @property
    def calls(self) -> Counter[str]:
        """Count the calls so far by method; `meter.requests` counts the HTTP requests that carried them."""
        return self.meter.calls

    def endpoints(self) -> list[tuple[str, str, str]]:
        """Return each endpoint's host, state (usable, resting, wrong chain) and the reason for it, for health."""
        return [(name, state, "") for name, state in self._pool.states()]

    def chain_id(self) -> int:
        """Ask the first endpoint that answers which network it is. Raises `WrongChain` where all are of another."""
        return self._pool.run(Endpoint.chain_id)

    def head(self) -> Block:
        """Return the newest block; where the first endpoint's is old, the newest that any endpoint has."""
        heads = [self._pool.run(_named_head)]
        for skip in range(1, len(self._pool.endpoints)):
            if not self._stale(heads[-1][1]):
                break
            try:
                heads.append(self._pool.run(_named_head, skip=skip))
            except ChainError:
                break
        newest = max((head for _, head in heads), key=lambda each: each.number)
        for endpoint, head in heads:
            if head.number < newest.number and self._stale(head):  # it stands still: neither its state is asked for
                endpoint.breaker.stand_aside(self._clock.now())
        return newest

    def _stale(self, head: Block) -> bool:
        return self._clock.now() - head.time > self.network.head_age_alarm * 1000

    def tagged(self, tag: str) -> Block | None:
        """Return the newest block that is `safe` or `finalized`; None where the node has none yet."""

        def ask(endpoint: Endpoint) -> Block | None:
            answer = endpoint.call("eth_getBlockByNumber", [tag, False])
            return None if answer is None else block(answer)

        try:
            return self._pool.run(ask)
        except (Refused, Missing):
            return None

    def decimals(self, tokens: Sequence[str]) -> list[int | None]:
        """Ask contracts for their decimals, in the order given; None where one does not answer."""

        def ask(endpoint: Endpoint) -> list[int | None]:
            answers = endpoint.batch([("eth_call", [{"to": token, "data": DECIMALS}, "latest"]) for token in tokens])
            return [None if isinstance(answer, ChainError) else word(answer) for answer in answers]

        return self._pool.run(ask) if tokens else []

    def opinions(self, at: Block, holding: Holding) -> list[tuple[str, int]]:
        """Ask two hosts for one balance at exactly that block: host and balance, of as many as can tell."""
        found: list[tuple[str, int]] = []
        for skip in range(len(self._pool.endpoints)):
            try:
                answer = self._pool.run(
                    lambda endpoint: (endpoint.name, self._prober.read(endpoint, at, [holding])[0]), skip=skip
                )
            except ChainError:
                continue
            if answer[1] is not None and answer[0] not in [host for host, _ in found]:
                found.append((answer[0], answer[1]))
        return found[:2]

    def blocks(self, numbers: Iterable[int]) -> dict[int, Block]:
        """Return the canonical headers at these heights, in one request; heights past the head are left out.

        An endpoint that lacks some is behind, or they are past the head: the next one is asked too.
        """
        heights = sorted(set(numbers))
        if not heights:
            return {}

        best: dict[int, Block] = {}

        def ask(endpoint: Endpoint) -> dict[int, Block] | None:
            nonlocal best
            answers = _whole(endpoint.batch([("eth_getBlockByNumber", [hex(number), False]) for number in heights]))
            found = {
                number: block(answer) for number, answer in zip(heights, answers, strict=True) if answer is not None
            }
            if any(header.number != number for number, header in found.items()):
                raise Unreachable(f"{endpoint.name}: another block than the one asked for")
            best = max(best, found, key=len)
            return found if len(found) == len(heights) else None

        return self._pool.any(ask) or best

    def balances(self, at: Block, wanted: Sequence[Holding]) -> list[int | None]:
        """Return the balances at exactly that block, in the order asked; None is unknown, never zero."""
        if not wanted:
            return []
        try:
            return self._pool.run(lambda endpoint: self._prober.read(endpoint, at, wanted))
        except OtherFork:
            return [None] * len(wanted)

    def transfers(self, wanted: Sequence[Arrivals], last: int, *, turn: int = 0) -> list[list[Transfer]]:
        """Explain what arrived up to `last`, included; perhaps not all of it, never falsely."""
        return [self._transfers(each, last) for each in wanted]

    def _transfers(self, wanted: Arrivals, last: int) -> list[Transfer]:
        def ask(endpoint: Endpoint) -> list[Transfer]:
            if wanted.token is None:
                return explain.coin_transfers(endpoint, wanted.address, wanted.first, last, self._explain_blocks)
            return explain.token_transfers(endpoint, wanted.token, wanted.address, wanted.first, last)

        try:
            return self._pool.run(ask)
        except (Refused, Missing):
            return []

    def hashes(self, numbers: Iterable[int]) -> dict[int, frozenset[str]]:
        """Return the hashes of all transactions of canonical blocks; those that no endpoint holds are left out."""
        heights = sorted(set(numbers))

        def ask(endpoint: Endpoint) -> dict[int, frozenset[str]]:
            answers = _whole(endpoint.batch([("eth_getBlockByNumber", [hex(number), False]) for number in heights]))
            return {
                quantity(answer["number"]): frozenset(map(digest, answer["transactions"]))
                for answer in answers
                if answer is not None
            }

        return self._pool.run(ask) if heights else {}

    def nonce_at(self, address: str, at: Block) -> int | None:
        """Return the number of transactions that `address` had sent up to exactly that block; None is unknown."""
        try:
            return self._pool.run(
                lambda endpoint: quantity(endpoint.call("eth_getTransactionCount", [address, pinned(at)]))
            )
        except (Refused, Missing):
            return None

    def has_code(self, address: str) -> bool:
        """Say whether a contract, or a delegation, lies at an address at the newest block."""
        return self._pool.run(lambda endpoint: len(octets(endpoint.call("eth_getCode", [address, "latest"]))) > 0)

    def receipt(self, tx_hash: str) -> Receipt | None:
        """Return the receipt of a mined transaction, or None."""

        def ask(endpoint: Endpoint) -> Receipt | None:
            calls = [("eth_getTransactionByHash", [tx_hash]), ("eth_getTransactionReceipt", [tx_hash])]
            transaction, receipt = _whole(endpoint.batch(calls))
            mined = transaction is not None and receipt is not None and receipt["blockHash"] == transaction["blockHash"]
            return _receipt(transaction, receipt) if mined else None

        return self._pool.any(ask)

    def known(self, tx_hash: str) -> bool:
        """Say whether a node holds the transaction, mined or pending."""
        return self._pool.any(lambda endpoint: endpoint.call("eth_getTransactionByHash", [tx_hash])) is not None

    def nonce(self, address: str) -> int:
        """Return the number of mined transactions of `address`."""
        return self._pool.run(lambda endpoint: quantity(endpoint.call("eth_getTransactionCount", [address, "latest"])))

    def balance(self, holding: Holding) -> int:
        """Return the balance at the newest block."""
        return self._pool.run(lambda endpoint: _balance(endpoint, holding))

    def fees(self) -> Fees:
        """Return what a transaction costs now."""
        return self._pool.run(_fees)

    def layer_fee(self) -> int:
        """Return what a transaction pays, with room, to the layer below; 0 where there is none.

        Source: the OP Stack's GasPriceOracle, `getL1FeeUpperBound(uint256)` for a transaction of that many bytes.
        """
        if self.network.chain_id not in OP_STACK:
            return 0
        call = {"to": GAS_PRICE_ORACLE, "data": f"0xf1c7a58b{OWN_TRANSACTION_BYTES:064x}"}
        fee = self._pool.run(lambda endpoint: word(endpoint.call("eth_call", [call, "latest"])))
        if fee is None:
            raise Refused("the layer below does not tell its fee")
        return fee * 5 // 4

    def estimate_gas(self, sender: str, to: str, value: int, data: str) -> int:
        """Return the gas that this call would use. Raises `Refused` where it reverts."""
        call = {"from": sender, "to": to, "value": hex(value), "data": data or "0x"}
        return self._pool.run(lambda endpoint: quantity(endpoint.call("eth_estimateGas", [call])))

    def broadcast(self, raw: str) -> None:
        """Hand over signed bytes; already known is fine. Raises `BroadcastRejected` where the node refuses."""
        try:
            self._pool.run(lambda endpoint: digest(endpoint.call("eth_sendRawTransaction", [raw])))
        except BroadcastRejected as exc:
            if not held(exc):
                raise


def _head(endpoint: Endpoint) -> Block:
    return block(endpoint.call("eth_getBlockByNumber", ["latest", False]))


def _named_head(endpoint: Endpoint) -> tuple[Endpoint, Block]:
    return endpoint, _head(endpoint)


def _whole(answers: list[Any]) -> list[Any]:
    """Pass a batch on in which every call was answered; raise the first error otherwise."""
    for answer in answers:
        if isinstance(answer, ChainError):
            raise answer
    return answers


def _balance(endpoint: Endpoint, holding: Holding) -> int:
    if holding.token is None:
        return quantity(endpoint.call("eth_getBalance", [holding.address, "latest"]))
    call = {"to": holding.token, "data": BALANCE_OF + topic(holding.address)[2:]}
    balance = word(endpoint.call("eth_call", [call, "latest"]))
    if balance is None:
        raise Refused(f"{holding.token} answers no balance")
    return balance


def _fees(endpoint: Endpoint) -> Fees:
    calls = [("eth_getBlockByNumber", ["latest", False]), ("eth_gasPrice", []), ("eth_maxPriorityFeePerGas", [])]
    head, price, priority = endpoint.batch(calls)
    _whole([head, price])
    gas_price = quantity(price)
    if head.get("baseFeePerGas") is None:
        return Fees(gas_price, 0, legacy=True)
    base = quantity(head["baseFeePerGas"])
    # A node without eth_maxPriorityFeePerGas still adds its suggestion to eth_gasPrice.
    return Fees(base, max(0, gas_price - base) if isinstance(priority, ChainError) else quantity(priority))


def _receipt(transaction: dict[str, Any], receipt: dict[str, Any]) -> Receipt:
    price = quantity(receipt.get("effectiveGasPrice") or transaction["gasPrice"])
    l1_fee = quantity(receipt["l1Fee"]) if receipt.get("l1Fee") else 0  # OP stack: paid on top of gas
    return Receipt(
        tx_hash=digest(receipt["transactionHash"]),
        block_number=quantity(receipt["blockNumber"]),
        block_hash=digest(receipt["blockHash"]),
        success=quantity(receipt["status"]) == 1,
        fee=quantity(receipt["gasUsed"]) * price + l1_fee,
        value=quantity(transaction["value"]),
        sender=account(transaction["from"]),
        to=account(transaction["to"]) if transaction.get("to") else None,
        token_transfers=tuple(_token_transfer(log) for log in receipt["logs"] if _is_transfer(log)),
    )


def _is_transfer(log: dict[str, Any]) -> bool:
    return len(log["topics"]) == 3 and log["topics"][0] == TRANSFER and len(log["data"]) == 66


def _token_transfer(log: dict[str, Any]) -> TokenTransfer:
    sender, to = from_topic(log["topics"][1]), from_topic(log["topics"][2])
    return TokenTransfer(account(log["address"]), sender, to, quantity(log["data"]), quantity(log["logIndex"]))
