"""A Tron network in memory, as `chains.tron.node.TronNode` sees it: blocks, of which the older ones are final.

What waits is shown by the full side at once, and by the final side never; nothing has a nonce; a transaction is mined
before its expiry or not at all. It passes the client's contract suite.
"""

import hashlib
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from ctrip.domain.chains.chain import Arrivals, BalanceQuery, Block, Receipt, TokenTransfer, Transfer
from ctrip.domain.chains.tron.account import Account, Prices, Stake
from ctrip.domain.chains.tron.addresses import encoded
from ctrip.domain.chains.tron.transaction import Transaction
from ctrip.domain.errors import BroadcastRejected, NotHeld, NotKept, Reverts, Unavailable
from tests.support.tron_octets import read_signed

LAG = 3
PRICES = Prices(energy=100, byte=1_000, activation=1_100_000)
HOLDER, FIRST = 15_000, 30_000  # energy of a token's transfer, to somebody who holds some, and who holds none
ENERGY_OF_TRX = 10_000  # of each TRX that is staked
FREE_BYTES, COIN_SIZE, TOKEN_SIZE, LENDING_SIZE = 600, 268, 345, 280
_WEIGHT = 1_000_000


@dataclass(slots=True)
class State:
    """What everybody has after a block; stakes are sun."""

    coin: dict[str, int] = field(default_factory=dict)
    token: dict[tuple[str, str], int] = field(default_factory=dict)
    accounts: set[str] = field(default_factory=set)
    stakes: dict[str, int] = field(default_factory=dict)
    loans: dict[tuple[str, str], int] = field(default_factory=dict)
    energy_used: dict[str, int] = field(default_factory=dict)
    bytes_used: dict[str, int] = field(default_factory=dict)

    def energy(self, owner: str) -> int:
        """Return the energy that an account may still use."""
        own = self.stakes.get(owner, 0) - sum(sun for (of, _), sun in self.loans.items() if of == owner)
        lent = sum(sun for (_, to), sun in self.loans.items() if to == owner)
        return max((own + lent) * ENERGY_OF_TRX // 10**6 - self.energy_used.get(owner, 0), 0)


@dataclass(frozen=True, slots=True)
class Outside:
    """What somebody else pays."""

    to: str
    token: str | None
    amount: int


@dataclass(frozen=True, slots=True)
class Mined:
    """A block, what it holds by hash, and the state after it."""

    block: Block
    held: dict[str, tuple["Transaction | Outside", Receipt]]
    state: State


@dataclass(slots=True)
class FakeTron:
    """A network whose blocks are mined when told; the newest `LAG` of them are not final.

    `deaf`: what we send waits, and is never mined. `goes_on_after`: that many balances into the next question a block
    becomes final. `taken_in_silence`: the next broadcasts are taken, and nobody is told. `hides`: no node
    shows a receipt. `paused` and `blacklist` are the tokens'. `foreign` are the accounts whose permissions somebody has
    changed.
    """

    start: int
    pool: dict[str, Transaction | Outside] = field(default_factory=dict)
    chain: list[Mined] = field(default_factory=list)
    forks: int = 0
    deaf: bool = False
    goes_on_after: int | None = None
    taken_in_silence: int = 0
    paused: bool = False
    blacklist: set[str] = field(default_factory=set)
    foreign: set[str] = field(default_factory=set)
    hides: bool = False
    sent: list[str] = field(default_factory=list)
    requests: int = 0
    lists: int = 0
    _serial: int = 0

    def __post_init__(self) -> None:
        self.chain.append(Mined(Block(0, _hash(0, "genesis"), "00" * 32, self.start), {}, State()))
        self.mine(LAG)

    @property
    def newest_time(self) -> int:
        """Return the time of the newest block, final or not."""
        return self.chain[-1].block.time

    # -- what the outside does

    def deposit(self, to: str, amount: int, token: str | None = None) -> str:
        """Somebody pays; it waits for the next block."""
        self._serial += 1
        tx_hash = hashlib.sha256(f"outside {self._serial}".encode()).hexdigest()
        self.pool[tx_hash] = Outside(to, token, amount)
        return tx_hash

    def stake(self, owner: str) -> Stake:
        state = self._full()
        lent = sum(sun for (of, _), sun in state.loans.items() if of == owner)
        lendable = state.stakes.get(owner, 0) - lent
        return Stake(lendable=lendable, energy_limit=_WEIGHT * ENERGY_OF_TRX, energy_weight=_WEIGHT)

    def freeze(self, owner: str, sun: int) -> None:
        """Have an account stake, as of the genesis."""
        for mined in self.chain:
            mined.state.stakes[owner] = mined.state.stakes.get(owner, 0) + sun

    def lend(self, giver: str, to: str, sun: int) -> None:
        """Have somebody else lend energy, who has staked for it elsewhere."""
        self.freeze(giver, sun)
        for mined in self.chain:
            mined.state.loans[giver, to] = sun

    def mine(self, blocks: int = 1, *, seconds: int = 1) -> None:
        """Mine blocks; the first takes what waits and is not over. The older ones become final."""
        for _ in range(blocks):
            last = self.chain[-1]
            number, time = last.block.number + 1, last.block.time + seconds * 1000
            block = Block(number, _hash(number, f"{self.forks}{last.block.hash}"), last.block.hash, time)
            state, held = deepcopy(last.state), dict[str, tuple[Transaction | Outside, Receipt]]()
            for tx_hash, each in list(self.pool.items()):
                if isinstance(each, Transaction) and each.expiration <= time:
                    del self.pool[tx_hash]
                elif not (self.deaf and isinstance(each, Transaction)):
                    if (receipt := _apply(self, state, tx_hash, each, block)) is not None:
                        held[tx_hash] = (each, receipt)
                    del self.pool[tx_hash]
            self.chain.append(Mined(block, held, state))

    def drop(self) -> None:
        """Lose what waits of ours, as a node that is restarted does."""
        self.pool = {tx_hash: each for tx_hash, each in self.pool.items() if isinstance(each, Outside)}

    def fork(self, *, keep: bool = False) -> None:
        """Replace the blocks that are not final; what was in them waits again (`keep`), or others' payments do."""
        removed, self.chain = self.chain[-LAG:], self.chain[:-LAG]
        self.forks += 1
        back: dict[str, Transaction | Outside] = {}
        for mined in removed:
            back |= {h: each for h, (each, _) in mined.held.items() if keep or isinstance(each, Outside)}
        waiting, self.pool = self.pool, {}
        self.mine(LAG)
        self.pool = back | waiting
        self.mine()

    # -- ports.Chain: the final side

    def chain_id(self) -> int:
        return 31338

    def head(self) -> Block:
        self.requests += 1
        return self._solid().block

    def reference(self) -> Block:
        return self.head()

    def tagged(self, tag: str) -> Block | None:
        return self.head() if tag == "finalized" else None

    def decimals(self, tokens: Sequence[str]) -> list[int | None]:
        return [6] * len(tokens)

    def opinions(self, at: Block, holding: BalanceQuery) -> list[tuple[str, int]]:
        return [("one", self._held(self._solid().state, holding))] if self._solid().block.number >= at.number else []

    def endpoints(self) -> list[tuple[str, str, str]]:
        return [("fake", "usable", "")]

    def blocks(self, numbers: Iterable[int]) -> dict[int, Block]:
        solid = self._solid().block.number
        return {n: self.chain[n].block for n in numbers if 0 <= n <= solid}

    def balances(self, at: Block, wanted: Sequence[BalanceQuery]) -> list[int | None]:
        if self._solid().block != at:
            older = at.number < self._solid().block.number
            raise (NotKept if older else NotHeld)("the node shows its newest final block alone")
        self.requests += 1
        known = len(wanted) if self.goes_on_after is None else self.goes_on_after
        state = self._solid().state
        if known < len(wanted):
            self.goes_on_after = None
            self.mine()
        return [self._held(state, each) if place < known else None for place, each in enumerate(wanted)]

    def transfers(self, wanted: Sequence[Arrivals], last: int, *, turn: int = 0) -> list[list[Transfer]]:
        solid = self.chain[: min(last, self._solid().block.number) + 1]
        return [
            [
                transfer
                for mined in solid[max(each.first, 0) :]
                for tx_hash, (tx, receipt) in mined.held.items()
                for transfer in _arrivals(tx_hash, tx, receipt, each)
            ]
            for each in wanted
        ]

    def transfers_to(self, address: str, token: str | None) -> int:
        """Sum what came to an address in final blocks."""
        (found,) = self.transfers([Arrivals(address, token, 0)], self._solid().block.number)
        return sum(each.amount for each in found)

    def sent_by(self, address: str, at: Block) -> int | None:
        senders = (tx.sender for mined in self.chain[: at.number + 1] for tx, _ in mined.held.values() if _ours(tx))
        return int(address in senders)

    def has_code(self, address: str) -> bool:
        return False

    def receipt(self, tx_hash: str) -> Receipt | None:
        return None if self.hides else self._receipt(tx_hash)

    def _receipt(self, tx_hash: str) -> Receipt | None:
        for mined in self.chain[: self._solid().block.number + 1]:
            if found := mined.held.get(tx_hash):
                return found[1]
        return None

    def missed(self, tx_hash: str, expiration: int) -> bool:
        return self._solid().block.time > expiration + 60_000 and self._receipt(tx_hash) is None

    # -- the full side

    def known(self, tx_hash: str) -> bool:
        return tx_hash in self.pool or any(tx_hash in mined.held for mined in self.chain)

    def account(self, address: str) -> Account:
        state = self._full()
        if address not in state.accounts:
            return Account(address=address)
        return Account(
            address=address,
            activated=True,
            balance=state.coin.get(address, 0),
            bandwidth=FREE_BYTES - state.bytes_used.get(address, 0),
            energy=state.energy(address),
            foreign=address in self.foreign,
        )

    def prices(self) -> Prices:
        return PRICES

    def energy_of(self, owner: str, contract: str, data: str) -> int:
        to, amount = encoded(bytes.fromhex(data[32:72])), int(data[72:], 16)
        state = self._full()
        if self.paused or owner in self.blacklist or state.token.get((contract, owner), 0) < amount:
            raise Reverts("REVERT opcode executed")
        return HOLDER if state.token.get((contract, to), 0) else FIRST

    def lent(self, owner: str) -> list[tuple[str, int]]:
        self.lists += 1
        return [(to, sun) for (of, to), sun in sorted(self._full().loans.items()) if of == owner]

    def broadcast(self, raw: str) -> None:
        tx, _ = read_signed(raw)
        self.sent.append(tx.tx_hash)
        head = self.chain[-1]
        if tx.expiration <= head.block.time + 1_000:
            raise BroadcastRejected("TRANSACTION_EXPIRATION_ERROR: it is unknown whether it was mined before")
        named = [each.block for each in self.chain if each.block.number % 2**16 == tx.ref_block % 2**16]
        if not any(each.hash[16:32] == tx.ref_hash for each in named):
            raise BroadcastRejected("TAPOS_ERROR: it is unknown whether it was mined before")
        if self.known(tx.tx_hash):
            return
        state = self._full()
        probe = deepcopy(state)
        if tx.sender not in state.accounts or _apply(self, probe, tx.tx_hash, tx, head.block) is None:
            raise BroadcastRejected("CONTRACT_VALIDATE_ERROR: balance is not sufficient")
        self.pool[tx.tx_hash] = tx
        if self.taken_in_silence:
            self.taken_in_silence -= 1
            raise Unavailable("the connection was cut")

    # -- parts

    def _solid(self) -> Mined:
        return self.chain[-1 - LAG]

    def _full(self) -> State:
        """Return the state with all that waits in it, as a full node shows it."""
        state = deepcopy(self.chain[-1].state)
        for tx_hash, each in self.pool.items():
            _apply(self, state, tx_hash, each, self.chain[-1].block)
        return state

    def _held(self, state: State, holding: BalanceQuery) -> int:
        if holding.token is None:
            return state.coin.get(holding.address, 0)
        return state.token.get((holding.token, holding.address), 0)


def _hash(number: int, seed: str) -> str:
    return f"{number:016x}{hashlib.sha256(seed.encode()).hexdigest()[16:]}"


def _ours(tx: Transaction | Outside) -> bool:
    return isinstance(tx, Transaction)


def _apply(net: FakeTron, state: State, tx_hash: str, tx: Transaction | Outside, block: Block) -> Receipt | None:
    """Execute: None where it cannot be mined at all."""
    if isinstance(tx, Outside):
        _pay(state, tx.to, tx.token, tx.amount)
        logs = (TokenTransfer(tx.token, "TOutside", tx.to, tx.amount, 0),) if tx.token else ()
        value = 0 if tx.token else tx.amount
        return Receipt(tx_hash, block.number, block.hash, True, 0, value, "TOutside", tx.to, logs)
    token = bool(tx.data)
    coin = 0 if token or tx.lends or tx.takes_back else tx.amount
    size = TOKEN_SIZE if token else LENDING_SIZE if tx.lends or tx.takes_back else COIN_SIZE
    new = bool(coin) and tx.to not in state.accounts
    free = FREE_BYTES - state.bytes_used.get(tx.sender, 0) >= size
    fee = PRICES.activation if new else 0 if free else size * PRICES.byte
    if state.coin.get(tx.sender, 0) < coin + fee or (tx.lends and not _lends(state, tx)):
        return None
    if free and not new:
        state.bytes_used[tx.sender] = state.bytes_used.get(tx.sender, 0) + size
    state.coin[tx.sender] = state.coin.get(tx.sender, 0) - coin - fee
    if coin:
        _pay(state, tx.to, None, coin)
    if tx.lends:
        state.loans[tx.sender, tx.to] = state.loans.get((tx.sender, tx.to), 0) + tx.amount
    if tx.takes_back:
        state.loans.pop((tx.sender, tx.to), None)
    if not token:
        return Receipt(tx_hash, block.number, block.hash, True, fee, coin, tx.sender, tx.to)
    return _call(net, state, tx_hash, tx, block, fee)


def _lends(state: State, tx: Transaction) -> bool:
    lent = sum(sun for (of, _), sun in state.loans.items() if of == tx.sender)
    return tx.to in state.accounts and state.stakes.get(tx.sender, 0) - lent >= tx.amount


def _call(net: FakeTron, state: State, tx_hash: str, tx: Transaction, block: Block, fee: int) -> Receipt:
    to, amount = encoded(bytes.fromhex(tx.data[32:72])), int(tx.data[72:], 16)
    held = state.token.get((tx.to, tx.sender), 0)
    need = HOLDER if state.token.get((tx.to, to), 0) else FIRST
    most = tx.fee_limit // PRICES.energy
    lent = min(state.energy(tx.sender), need, most)
    burnt = min(need, most) - lent
    payable = state.coin.get(tx.sender, 0) // PRICES.energy
    enough = need <= most and burnt <= payable
    good = enough and not net.paused and tx.sender not in net.blacklist and held >= amount
    state.energy_used[tx.sender] = state.energy_used.get(tx.sender, 0) + lent
    burnt = min(burnt, payable) * PRICES.energy
    state.coin[tx.sender] -= burnt
    logs: tuple[TokenTransfer, ...] = ()
    if good:
        state.token[tx.to, tx.sender] = held - amount
        _pay(state, to, tx.to, amount)
        logs = (TokenTransfer(tx.to, tx.sender, to, amount, 0),)
    return Receipt(tx_hash, block.number, block.hash, good, fee + burnt, 0, tx.sender, tx.to, logs)


def _pay(state: State, to: str, token: str | None, amount: int) -> None:
    if token is None:
        state.coin[to] = state.coin.get(to, 0) + amount
        state.accounts.add(to)
    else:
        state.token[token, to] = state.token.get((token, to), 0) + amount


def _arrivals(tx_hash: str, tx: Transaction | Outside, receipt: Receipt, wanted: Arrivals) -> list[Transfer]:
    place = (receipt.block_number, receipt.block_hash)
    if wanted.token is not None:
        return [
            Transfer(tx_hash, log.log_index, *place, log.sender, log.amount)
            for log in receipt.token_transfers
            if (log.to, log.token) == (wanted.address, wanted.token)
        ]
    if receipt.success and receipt.value and receipt.to == wanted.address:
        return [Transfer(tx_hash, None, *place, receipt.sender, receipt.value)]
    return []
