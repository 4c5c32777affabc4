"""One Tron network behind `ports.Chain`, and what else is asked of its nodes (`TronNode`)."""

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from ctrip.chains.shared.endpoints import TRIES, Meter
from ctrip.chains.shared.errors import Gone, Missing
from ctrip.chains.shared.pool import Pool
from ctrip.chains.shared.transport import ANSWER_SECONDS
from ctrip.chains.tron import accounts, codec, explain, probe, sending
from ctrip.chains.tron.bodies import Bodies
from ctrip.chains.tron.endpoints import Endpoint
from ctrip.chains.tron.logs import token_transfers
from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import Arrivals, BalanceQuery, Block, Receipt, Transfer
from ctrip.domain.chains.tron.account import Account, Prices, Stake
from ctrip.domain.chains.tron.addresses import to_hex
from ctrip.domain.errors import ChainError, ConfigurationError, NotKept, Refused
from ctrip.domain.rpc import RpcEntry
from ctrip.ports.runtime import Clock

__all__ = ["TronChain"]

T = TypeVar("T")
OPINIONS = 2
HEADERS_KEPT = 512
# What an account has once it paid for a transaction's bytes, in whatever way (source: BandwidthProcessor); spelt so.
_SENT = ("latest_opration_time", "latest_consume_free_time")


class TronChain:
    """A network by its endpoints, in order of preference; safe to share between threads.

    Its newest block is the newest final one that any endpoint showed, and never goes back. `jitter` returns a number in
    [0, 1) that spreads the breakers' rests; `seconds` bounds each answer; the coin's arrivals are explained from
    `explain_blocks` blocks at most. `meter` counts every question.
    """

    def __init__(
        self,
        network: Network,
        entries: Sequence[RpcEntry],
        clock: Clock,
        *,
        jitter: Callable[[], float] = lambda: 0.5,
        seconds: float = ANSWER_SECONDS,
        explain_blocks: int = explain.BLOCKS,
    ) -> None:
        if not entries:
            raise ConfigurationError(f"chain {network.name} has no RPC endpoint")
        self.network = network
        self._clock = clock
        self.meter = Meter()
        endpoints = [Endpoint(each, network.chain_id, self.meter, jitter, seconds, clock.now) for each in entries]
        self._pool = Pool(network.name, endpoints, clock, jitter, seeing="has a solid side")
        self._explain_blocks = explain_blocks
        self._bodies = Bodies()
        self._headers: OrderedDict[int, Block] = OrderedDict()
        self._lock = threading.Lock()
        self._seen: Block | None = None

    @property
    def calls(self) -> Counter[str]:
        """Count the questions so far by path or method; `meter.requests` counts the HTTP requests that carried them."""
        return self.meter.calls

    def _ask(self, question: Callable[[Endpoint], T], *, turn: int = 0) -> T:
        """Ask for what only an endpoint with a solid side may answer, several times where nodes are behind."""
        return self._pool.run(question, turn=turn, state=True, tries=TRIES)

    # -- which network, and its newest block

    def endpoints(self) -> list[tuple[str, str, str]]:
        """Return each endpoint's host, its state and the reason for it, for health.

        States: usable, unreachable (the last try failed), resting, wrong chain, no solid side.
        """
        return self._pool.states()

    def chain_id(self) -> int:
        """Ask the first endpoint that answers which network it is. Raises `WrongChain` where all are of another."""
        return self._pool.run(Endpoint.chain_id, state=True)

    def head(self) -> Block:
        """Return the newest final block; where the first endpoint's is old, the newest that any endpoint has.

        An endpoint that shows an older one than was seen is another node behind one address, and is not listened to.
        """
        try:
            heads = [self._pool.run(self._newest, state=True)]
        except Missing:
            if self._seen is None:
                raise
            return self._seen
        for skip in range(1, len(self._pool.endpoints)):
            if not self._stale(heads[-1][1]):
                break
            try:
                heads.append(self._pool.run(self._newest, skip=skip, state=True))
            except ChainError:
                break
        newest = max((head for _, head in heads), key=lambda each: each.number)
        for endpoint, head in heads:
            if head.number < newest.number and self._stale(head):  # it stands still: nothing is asked of it
                endpoint.breaker.stand_aside(self._clock.now(), "its newest final block is old")
        return newest

    def _newest(self, endpoint: Endpoint) -> tuple[Endpoint, Block]:
        head = endpoint.head()
        with self._lock:
            seen = self._seen
            if seen is not None and (head.number < seen.number or (head.number == seen.number and head != seen)):
                raise Missing(f"{endpoint.name}: its newest final block is {head.number}, and {seen.number} was seen")
            self._seen = head
        self._keep(head)
        return endpoint, head

    def _stale(self, head: Block) -> bool:
        return self._clock.now() - head.time > self.network.head_age_alarm * 1000

    def tagged(self, tag: str) -> Block | None:
        """Return the newest block, as it is final; None for any other tag."""
        return self.head() if tag == "finalized" else None

    def reference(self) -> Block:
        """Return the final block that a new transaction names."""
        return self.head()

    # -- state of final blocks

    def balances(self, at: Block, wanted: Sequence[BalanceQuery]) -> list[int | None]:
        """Return the balances at the newest final block, in the order asked; None is unknown, never zero.

        Once the chain moves on from `at`, what is left is unknown. Raises `NotKept` where it has moved on before
        anything was proven: nodes answer from their newest final block alone.
        """
        if not wanted:
            return []
        if self._seen is not None and at.number < self._seen.number:
            raise NotKept(f"block {at.number} is not the newest final one any more: {self._seen.number} is")
        try:
            return self._ask(lambda endpoint: probe.balances(endpoint, at, wanted, self._clock.now()))
        except Gone as exc:
            raise NotKept(str(exc)) from exc

    def opinions(self, at: Block, holding: BalanceQuery) -> list[tuple[str, int]]:
        """Ask two hosts for one balance at that block or a later final one: host and balance, of those who can tell."""
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
                return self._pool.attempt(endpoint, lambda each: probe.held_since(each, at, holding))
            except Gone:
                return None
            except Missing:
                continue
            except ChainError:
                return None
        return None

    def decimals(self, tokens: Sequence[str]) -> list[int | None]:
        """Ask contracts for their decimals, in the order given; None where one does not answer."""
        return [self._decimals(token) for token in tokens]

    def _decimals(self, token: str) -> int | None:
        call = {"contract_address": to_hex(token), "data": codec.DECIMALS}
        try:
            answer = self._ask(lambda endpoint: codec.rows(endpoint.constant(call).get("constant_result")))
        except Refused:
            return None
        return codec.word(answer[0]) if len(answer) == 1 else None

    def blocks(self, numbers: Iterable[int]) -> dict[int, Block]:
        """Return the final headers at these heights, each in a request of its own; past the newest they are left out.

        A final block does not change, so it is asked for once.
        """
        found: dict[int, Block] = {}
        for height in sorted({each for each in numbers if each >= 0}):
            with self._lock:
                header = self._headers.get(height)
            if header is None and (header := self._header(height)) is not None:
                self._keep(header)
            if header is not None:
                found[height] = header
        return found

    def _header(self, height: int) -> Block | None:
        def ask(endpoint: Endpoint) -> Block | None:
            header = endpoint.header(height)
            if header is not None and header.number != height:
                raise ValueError("another block than the one asked for")
            return header

        return self._pool.any(ask, state=True)

    def _keep(self, header: Block) -> None:
        with self._lock:
            self._headers[header.number] = header
            self._headers.move_to_end(header.number)
            while len(self._headers) > HEADERS_KEPT:
                self._headers.popitem(last=False)

    def sent_by(self, address: str, at: Block) -> int | None:
        """Return 1 where an address has sent anything up to about that block, else 0; None is unknown."""

        def ask(endpoint: Endpoint) -> int:
            if endpoint.head().number < at.number:
                raise Missing(f"{endpoint.name}: block {at.number} is not final there yet")
            found = codec.table(endpoint.solid("getaccount", {"address": to_hex(address)}))
            return 1 if any(codec.number(found, name) for name in _SENT) else 0

        try:
            return self._ask(ask)
        except (Refused, Missing):
            return None

    # -- transfers

    def transfers(self, wanted: Sequence[Arrivals], last: int, *, turn: int = 0) -> list[list[Transfer]]:
        """Explain what arrived up to the final block `last`, included; perhaps not all of it, never falsely.

        The work is shared: a token's logs are asked for many addresses at once, the coin's blocks are read once for
        all. `turn` says which endpoint is the first. Raises where no endpoint answers at all about one of the assets.
        """
        firsts: dict[str | None, dict[str, int]] = {}
        for each in wanted:
            some = firsts.setdefault(each.token, {})
            some[each.address] = min(max(each.first, 0), some.get(each.address, last + 1))
        found = {token: self._arrived(token, some, last, turn) for token, some in firsts.items()}
        return [
            [each for each in found[asked.token].get(asked.address, ()) if each.block_number >= asked.first]
            for asked in wanted
        ]

    def _arrived(self, token: str | None, firsts: dict[str, int], last: int, turn: int) -> dict[str, list[Transfer]]:
        firsts = {address: first for address, first in firsts.items() if first <= last}
        if not firsts:
            return {}
        if token is not None:
            return token_transfers(self._pool, token, firsts, last, turn)
        most = self._explain_blocks
        return self._ask(lambda each: explain.coin_transfers(each, self._bodies, firsts, last, most), turn=turn)

    # -- transactions

    def receipt(self, tx_hash: str) -> Receipt | None:
        """Return the receipt of a transaction in a final block, as two endpoints know it; None is unknown."""
        return self._pool.any(lambda endpoint: sending.receipt(endpoint, tx_hash), state=True)

    def known(self, tx_hash: str) -> bool:
        """Say whether a node holds the transaction, mined or waiting."""
        return self._pool.any(lambda each: sending.transaction_of(each, tx_hash, solid=False), state=True) is not None

    def missed(self, tx_hash: str, expiration: int) -> bool:
        """Whether a transaction was not mined and cannot be any more; False is unknown, too."""
        return sending.missed(self._pool, tx_hash, expiration)

    def broadcast(self, raw: str) -> None:
        """Offer signed bytes to every endpoint until one takes them; already known is fine."""
        sending.broadcast(self._pool, raw)

    # -- the full side

    def has_code(self, address: str) -> bool:
        """Say whether a contract lies at an address."""
        return self._ask(lambda each: bool(codec.table(each.full("getcontract", {"value": to_hex(address)}))))

    def account(self, address: str) -> Account:
        """Return an account as the full side shows it now, transactions that wait included."""
        return self._ask(lambda endpoint: accounts.account(endpoint, address))

    def prices(self) -> Prices:
        """Return what work costs now."""
        return self._ask(accounts.prices)

    def energy_of(self, owner: str, contract: str, data: str) -> int:
        """Return the energy that a call would use, penalty included; raises `Reverts` where it would fail."""
        return self._ask(lambda endpoint: accounts.energy_of(endpoint, owner, contract, data))

    def stake(self, owner: str) -> Stake:
        """Return what an account may lend."""
        return self._ask(lambda endpoint: accounts.stake(endpoint, owner))

    def lent(self, owner: str) -> list[tuple[str, int]]:
        """Return to whom an account has lent energy, with the sun of stake that are lent."""
        return self._ask(lambda endpoint: accounts.lent(endpoint, owner))
