"""One EVM network behind `ports.Chain`."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from ctrip.chains.evm import delegation, explain, sending
from ctrip.chains.evm.bodies import Bodies
from ctrip.chains.evm.codec import (
    BALANCE_OF,
    DECIMALS,
    account,
    block,
    digest,
    octets,
    pinned,
    quantity,
    topic,
    word,
)
from ctrip.chains.evm.endpoints import TRIES, Endpoint, Meter
from ctrip.chains.evm.errors import Gone, Missing, Unreachable
from ctrip.chains.evm.logs import token_transfers
from ctrip.chains.evm.node import OWN_TRANSACTION_BYTES
from ctrip.chains.evm.probe import Blind, OtherFork, Prober, order
from ctrip.chains.shared.pool import Pool
from ctrip.chains.shared.transport import ANSWER_SECONDS
from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import Arrivals, BalanceQuery, Block, Receipt, Transfer
from ctrip.domain.chains.evm.transaction import Account, Call, Fees
from ctrip.domain.errors import ChainError, ConfigurationError, Refused
from ctrip.ports.runtime import Clock

__all__ = ["EvmChain"]

T = TypeVar("T")
OPINIONS = 2
OP_STACK = frozenset({10, 8453})
ARBITRUM = frozenset({42161, 42170, 421614})
GAS_PRICE_ORACLE = "0x420000000000000000000000000000000000000F"


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
        endpoints = [Endpoint(url, network.chain_id, self.meter, jitter, seconds) for url in urls]
        self._pool = Pool(network.name, endpoints, clock, jitter)
        self._prober = Prober(network.chain_id)
        self._explain_blocks = explain_blocks
        self._bodies = Bodies()
        self._seen = 0  # the highest block that any endpoint showed

    @property
    def calls(self) -> Counter[str]:
        """Count the calls so far by method; `meter.requests` counts the HTTP requests that carried them."""
        return self.meter.calls

    def endpoints(self) -> list[tuple[str, str, str]]:
        """Return each endpoint's host, its state and the reason for it, for health.

        States: usable, unreachable (the last try failed), resting, wrong chain, cannot read at a block hash.
        """
        return self._pool.states()

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
                endpoint.breaker.stand_aside(self._clock.now(), "its newest block is old")
        self._seen = max(self._seen, newest.number)
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
        found = self.latest([(token, DECIMALS) for token in tokens])
        return [int.from_bytes(each[:32]) if each and len(each) >= 32 else None for each in found]

    def latest(self, calls: Sequence[tuple[str, str]]) -> list[bytes | None]:
        """Call contracts (address, data) at the newest block, in order; None where one does not answer."""

        def ask(endpoint: Endpoint) -> list[bytes | None]:
            answers = endpoint.batch([("eth_call", [{"to": to, "data": data}, "latest"]) for to, data in calls])
            return [None if isinstance(answer, ChainError) else octets(answer) for answer in answers]

        return self._pool.run(ask) if calls else []

    def opinions(self, at: Block, holding: BalanceQuery) -> list[tuple[str, int]]:
        """Ask two hosts for one balance at exactly that block: host and balance, of as many as can tell.

        A host is asked once, however often it is listed. One that refuses, fails or does not hold the block, also
        when it is asked again, adds nothing; in its place the next host is asked.
        """
        found: list[tuple[str, int]] = []
        voices: set[str] = set()
        for endpoint in self._pool.usable():
            if len(found) == OPINIONS:
                break
            if endpoint.voice not in voices and endpoint.sees(self._clock.now()):
                voices.add(endpoint.voice)
                if (balance := self._opinion(endpoint, at, holding)) is not None:
                    found.append((endpoint.name, balance))
        return found

    def _opinion(self, endpoint: Endpoint, at: Block, holding: BalanceQuery) -> int | None:
        for _ in range(TRIES):
            try:
                return self._pool.attempt(endpoint, lambda each: self._read(each, at, [holding]))[0]
            except Gone:
                return None
            except Missing:
                continue
            except ChainError:
                return None
        return None

    def blocks(self, numbers: Iterable[int]) -> dict[int, Block]:
        """Return the canonical headers at these heights, in one request; heights past the head are left out.

        An endpoint that lacks some is behind, or they are past the head: the next one is asked too, and the same ones
        again for blocks that were seen already. The headers are one endpoint's, so that they are of one fork.
        """
        heights = sorted(set(numbers))
        if not heights:
            return {}
        best: dict[int, Block] = {}

        def ask(endpoint: Endpoint) -> dict[int, Block] | None:
            nonlocal best
            found = _headers(endpoint, heights)
            best = max(best, found, key=len)
            return found if len(found) == len(heights) else None

        for _ in range(TRIES):
            if self._pool.any(ask) is not None or not self._lacks_seen(heights, best):
                break
        return best

    def _lacks_seen(self, heights: Iterable[int], found: Iterable[int]) -> bool:
        """Say whether a block is missing that is known to be there."""
        return any(number <= self._seen for number in set(heights) - set(found))

    def balances(self, at: Block, wanted: Sequence[BalanceQuery]) -> list[int | None]:
        """Return the balances at exactly that block, in the order asked; None is unknown, never zero.

        A part that one endpoint does not hold is asked of the others, and of the same one again.
        """
        places = order(wanted)
        result: list[int | None] = [None] * len(wanted)
        while places:
            part = [wanted[place] for place in places]
            try:
                some = self._state(lambda endpoint, part=part: self._read(endpoint, at, part))  # type: ignore[misc]
            except OtherFork:
                return [None] * len(wanted)
            for place, balance in zip(places, some, strict=False):
                result[place] = balance
            places = places[len(some) :]
        return result

    def _state(self, question: Callable[[Endpoint], T]) -> T:
        """Ask for state at a block's hash, of whoever can read there, several times where nodes are behind."""
        return self._pool.run(question, state=True, tries=TRIES)

    def _read(self, endpoint: Endpoint, at: Block, wanted: Sequence[BalanceQuery]) -> list[int | None]:
        try:
            some = self._prober.some(endpoint, at, wanted)
        except Blind as exc:
            endpoint.blind(self._clock.now(), str(exc.__cause__ or exc))
            raise
        endpoint.saw()
        return some

    def transfers(self, wanted: Sequence[Arrivals], last: int, *, turn: int = 0) -> list[list[Transfer]]:
        """Explain what arrived up to `last`, included; perhaps not all of it, never falsely.

        The work is shared: a token's logs are asked for many addresses at once, the coin's blocks, receipts and traces
        are read once for all. `turn` says which endpoint is the first. Raises where no endpoint answers at all about
        one of the assets: a call for each asset keeps their failures apart.
        """
        firsts: dict[str | None, dict[str, int]] = {}
        for each in wanted:
            token, address = each.token and account(each.token), account(each.address)
            some = firsts.setdefault(token, {})
            some[address] = min(max(each.first, 0), some.get(address, last + 1))
        found = {token: self._arrived(token, some, last, turn) for token, some in firsts.items()}
        return [
            [
                transfer
                for transfer in found[each.token and account(each.token)].get(account(each.address), ())
                if transfer.block_number >= each.first
            ]
            for each in wanted
        ]

    def _arrived(self, token: str | None, firsts: dict[str, int], last: int, turn: int) -> dict[str, list[Transfer]]:
        firsts = {address: first for address, first in firsts.items() if first <= last}
        if not firsts:
            return {}
        if token is not None:
            return token_transfers(self._pool, token, firsts, last, turn)
        return self._pool.run(
            lambda endpoint: explain.coin_transfers(
                endpoint, self._prober, self._bodies, firsts, last, self._explain_blocks
            ),
            turn=turn,
        )

    def hashes(self, numbers: Iterable[int]) -> dict[int, frozenset[str]]:
        """Return the hashes of all transactions of canonical blocks; those that no endpoint holds are left out."""
        heights = set(numbers)
        found: dict[int, frozenset[str]] = {}

        def ask(endpoint: Endpoint) -> bool | None:
            found.update(_bodies(endpoint, sorted(heights - found.keys())))
            return None if heights - found.keys() else True

        for _ in range(TRIES):
            if not heights or self._pool.any(ask) or not self._lacks_seen(heights, found):
                break
        return found

    def nonce_at(self, address: str, at: Block) -> int | None:
        """Return the number of transactions that `address` had sent up to exactly that block; None is unknown."""

        def ask(endpoint: Endpoint) -> int:
            return quantity(endpoint.call("eth_getTransactionCount", [address, pinned(at)]))

        try:
            return self._state(ask)
        except (Refused, Missing):
            return None

    def sent_by(self, address: str, at: Block) -> int | None:
        """Return how many transactions an address had sent up to exactly that block; None is unknown."""
        return self.nonce_at(address, at)

    def has_code(self, address: str) -> bool:
        """Say whether a contract, or a delegation, lies at an address at the newest block."""
        return self._pool.run(lambda endpoint: len(octets(endpoint.call("eth_getCode", [address, "latest"]))) > 0)

    def receipt(self, tx_hash: str) -> Receipt | None:
        """Return the receipt of a mined transaction, as two endpoints know it.

        None is unknown, not unmined: a node may know the block of a transaction and not its receipt yet.
        """

        def ask(endpoint: Endpoint) -> Receipt | None:
            calls = [("eth_getTransactionByHash", [tx_hash]), ("eth_getTransactionReceipt", [tx_hash])]
            transaction, receipt = sending.whole(endpoint.batch(calls))
            mined = transaction is not None and receipt is not None and receipt["blockHash"] == transaction["blockHash"]
            return sending.receipt(transaction, receipt) if mined else None

        return self._pool.any(ask)

    def known(self, tx_hash: str) -> bool:
        """Say whether a node holds the transaction, mined or pending."""
        return self._pool.any(lambda endpoint: endpoint.call("eth_getTransactionByHash", [tx_hash])) is not None

    def nonce(self, address: str) -> int:
        """Return the number of mined transactions of `address`."""
        return self._pool.run(lambda endpoint: quantity(endpoint.call("eth_getTransactionCount", [address, "latest"])))

    def balance(self, holding: BalanceQuery) -> int:
        """Return the balance at the newest block."""
        return self._pool.run(lambda endpoint: _balance(endpoint, holding))

    def fees(self) -> Fees:
        """Return what a transaction costs now; the tip is at least one wei."""
        return self._pool.run(sending.fees)

    def layer_fee(self, size: int = OWN_TRANSACTION_BYTES) -> int:
        """Return what a transaction of so many bytes pays, with room, to the layer below; 0 where there is none.

        Source: the OP Stack's GasPriceOracle, `getL1FeeUpperBound(uint256)`.
        """
        if self.network.chain_id not in OP_STACK:
            return 0
        call = {"to": GAS_PRICE_ORACLE, "data": f"0xf1c7a58b{size:064x}"}
        fee = self._pool.run(lambda endpoint: word(endpoint.call("eth_call", [call, "latest"])))
        if fee is None:
            raise Refused("the layer below does not tell its fee")
        return fee * 5 // 4

    def estimate_gas(self, sender: str, to: str, value: int, data: str) -> int:
        """Return the gas that this call would use. Raises `Refused` where it reverts."""
        call = {"from": sender, "to": to, "value": hex(value), "data": data or "0x"}
        return self._pool.run(lambda endpoint: quantity(endpoint.call("eth_estimateGas", [call])))

    def accounts(self, at: Block, addresses: Sequence[str]) -> list[Account]:
        """Return the code and the nonce of addresses at exactly that block, in the order asked."""
        return delegation.accounts(self._pool, at, addresses)

    def refusals(self, at: Block, wanted: Sequence[Call]) -> list[str | None]:
        """Say why calls of tokens would fail at that block, in the order asked; None where one would not."""
        return delegation.refusals(self._pool, at, wanted)

    def allowance(self, at: Block, token: str, owner: str, spender: str) -> int:
        """Return how much of a token somebody may take from its owner, at exactly that block."""
        return delegation.allowance(self._pool, at, token, owner, spender)

    def authorizes(self, sender: str, delegate: str) -> bool:
        """Whether a transaction of type 4 (EIP-7702) is understood."""
        return delegation.authorizes(self._pool, sender, delegate)

    def gas_pays_layer(self) -> bool:
        """Say whether gas pays for the layer below too, so that a plain transfer takes more than 21,000 (Arbitrum)."""
        return self.network.chain_id in ARBITRUM

    def broadcast(self, raw: str) -> None:
        """Offer signed bytes to every endpoint until one takes them; already known is fine."""
        sending.broadcast(self._pool, raw)


def _head(endpoint: Endpoint) -> Block:
    return block(endpoint.call("eth_getBlockByNumber", ["latest", False]))


def _named_head(endpoint: Endpoint) -> tuple[Endpoint, Block]:
    return endpoint, _head(endpoint)


def _headers(endpoint: Endpoint, heights: Sequence[int]) -> dict[int, Block]:
    answers = sending.whole(endpoint.batch([("eth_getBlockByNumber", [hex(number), False]) for number in heights]))
    found = {number: block(answer) for number, answer in zip(heights, answers, strict=True) if answer is not None}
    if any(header.number != number for number, header in found.items()):
        raise Unreachable(f"{endpoint.name}: another block than the one asked for")
    return found


def _bodies(endpoint: Endpoint, heights: Sequence[int]) -> dict[int, frozenset[str]]:
    """Read transactions' hashes; a block that is absent, refused or malformed is left out."""
    answers = endpoint.batch([("eth_getBlockByNumber", [hex(number), False]) for number in heights])
    if answers and all(isinstance(answer, ChainError) for answer in answers):
        raise answers[0]
    found: dict[int, frozenset[str]] = {}
    for number, answer in zip(heights, answers, strict=True):
        if isinstance(answer, dict):
            if quantity(answer["number"]) != number:
                raise Unreachable(f"{endpoint.name}: another block than the one asked for")
            found[number] = frozenset(map(digest, answer["transactions"]))
    return found


def _balance(endpoint: Endpoint, holding: BalanceQuery) -> int:
    if holding.token is None:
        return quantity(endpoint.call("eth_getBalance", [holding.address, "latest"]))
    call = {"to": holding.token, "data": BALANCE_OF + topic(holding.address)[2:]}
    balance = word(endpoint.call("eth_call", [call, "latest"]))
    if balance is None:
        raise Refused(f"{holding.token} answers no balance")
    return balance
