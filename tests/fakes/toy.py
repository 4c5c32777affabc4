"""A second chain kind for the tests, as unlike EVM as Tron is: its own addresses and accounts, no nonces, an expiry.

It is added by a line in each table of kinds, as a real one is. An address is base58 and tells its letters' size; a
transaction lasts a minute of the chain's time, and two that differ only in their stamp are both mined.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

from ctrip.domain.chains.acts import Act, Collector, Signed, Unsigned
from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.chains.bip32 import ExtendedKey
from ctrip.domain.chains.chain import Arrivals, BalanceQuery, Block, Receipt, TokenTransfer, Transfer
from ctrip.domain.errors import BroadcastRejected, SigningRefused, Unavailable
from ctrip.domain.sweeping.plan import Collection, Fate, Held, Order, Outlook, Planned, Quote
from ctrip.domain.sweeping.sweep import OutgoingTransaction, Refusal
from ctrip.ports.runtime import Clock, Log

KIND = "toy"
COIN_FEE, TOKEN_FEE = 100, 300
LASTS_MS = 60_000
_LETTERS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToyTransaction:
    """An unsigned transaction; `stamp` tells apart what is else the same, `expires` is the chain's time."""

    kind: ClassVar[str] = KIND

    network: str
    sender: str
    to: str
    token: str | None
    amount: int
    fee: int
    stamp: int
    expires: int

    def fields(self) -> dict[str, Any]:
        """Return what the signer is sent."""
        return asdict(self)


class ToyRules:
    """The `ChainRules` of the kind."""

    kind = KIND
    curve = KIND
    coin_type = 1
    address = re.compile(r"Y[1-9A-HJ-NP-Za-km-z]{24}", re.ASCII)

    def token_id(self, chain_id: int, address: str) -> str:
        """Derive a token's id."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"toy:{chain_id}/{address}"))

    def address_of(self, key: ExtendedKey) -> str:
        """Return Y and 24 letters."""
        return address("".join(f"{octet:02x}" for octet in key.key))

    def owns(self, address: str) -> bool:
        """Whether it begins with Y."""
        return address.startswith("Y")

    def folded(self, address: str) -> str:
        """Return it: the size of letters counts."""
        return address

    def shown(self, address: str) -> str:
        """Return it."""
        return address

    def wrong_address(self, address: str) -> str | None:
        """Compare the form alone."""
        return None if self.address.fullmatch(address) else "is no toy address"

    shares_addresses = False
    seen_final = False

    def token_standard(self, network: Network) -> str:
        """Name a standard of its own."""
        return "TOY-20"

    def payment_uri(self, network: Network, asset: Asset, address: str, amount: int) -> None:
        """Return None: no wallet reads more than the address."""
        return

    def wallet_request(self, network: Network, asset: Asset, address: str, amount: int) -> None:
        return None

    def transaction_url(self, network: Network, tx_hash: str) -> str:
        """Return a path of its own."""
        return f"{network.explorer}/#/{tx_hash}"

    def read_transaction(self, fields: dict[str, Any]) -> ToyTransaction:
        """Read what `fields` gave."""
        return ToyTransaction(**fields)

    def act(self, network: Network, sender: str, transaction: Unsigned) -> Act:
        """Say what it would do; nothing cancels here."""
        if not isinstance(transaction, ToyTransaction) or transaction.network != network.name:
            raise SigningRefused("the transaction is another chain's")
        if transaction.sender != sender:
            raise SigningRefused("the transaction is another sender's")
        value = 0 if transaction.token else transaction.amount
        return Act(transaction.to, transaction.token, value, transaction.fee, slot=str(transaction.stamp))

    def payer(self, treasury: str) -> str | None:
        """Nothing pays many here."""
        return None

    def collector(self, treasury: str, operator: str) -> Collector | None:
        """Nothing collects here."""
        return None


def address(seed: str) -> str:
    """Make an address of any text."""
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest())
    return "Y" + "".join(_LETTERS[number // 58**place % 58] for place in range(24))


def sign(key: bytes, transaction: ToyTransaction, key_at: Callable[[str], bytes]) -> Signed:
    """Sign: the raw bytes are the transaction itself; its hash follows from it, and from nothing else."""
    raw = json.dumps(transaction.fields(), sort_keys=True).encode()
    return Signed(raw.hex(), hashlib.sha256(raw).hexdigest())


@dataclass(frozen=True, slots=True)
class ToyMined:
    """A block, what it holds by hash, and the state after it."""

    block: Block
    held: dict[str, ToyTransaction]
    balances: Mapping[tuple[str, str | None], int]


@dataclass(slots=True)
class ToyChain:
    """A `ports.Chain` that mines when told; what expires while it waits is dropped."""

    start: int
    name: str
    pool: dict[str, ToyTransaction] = field(default_factory=dict)
    chain: list[ToyMined] = field(default_factory=list)
    forks: int = 0
    deaf: bool = False
    _serial: int = 0

    def __post_init__(self) -> None:
        self.chain.append(ToyMined(Block(0, "g", "", self.start), {}, {}))

    # -- what the outside does

    def deposit(self, to: str, amount: int, token: str | None = None, *, explained: bool = True) -> str:
        """Somebody pays; it is mined with the next block."""
        self._serial += 1
        outside = ToyTransaction(
            network=self.name,
            sender="",
            to=to,
            token=token,
            amount=amount,
            fee=0,
            stamp=self._serial,
            expires=2**60,
        )
        self.pool[f"d{self._serial:063x}"] = outside
        return f"d{self._serial:063x}"

    def mine(self, blocks: int = 1, *, seconds: int = 1) -> None:
        """Mine blocks; the first one takes the pool, unless the chain is deaf to what we send."""
        for _ in range(blocks):
            last = self.chain[-1]
            time = last.block.time + seconds * 1000
            balances, taken = dict(last.balances), {}
            for tx_hash, tx in list(self.pool.items()):
                if time > tx.expires:
                    del self.pool[tx_hash]
                elif not (self.deaf and tx.sender) and _apply(tx, balances):
                    taken[tx_hash] = self.pool.pop(tx_hash)
            number = last.block.number + 1
            block = Block(number, f"f{self.forks}b{number}", last.block.hash, time)
            self.chain.append(ToyMined(block, taken, balances))

    def reorg(self, depth: int) -> None:
        """Replace the last blocks by as many and one more, without what we sent; what others paid comes back."""
        removed = self.chain[-depth:]
        del self.chain[-depth:]
        self.forks += 1
        for mined in removed:
            self.pool |= {tx_hash: tx for tx_hash, tx in mined.held.items() if not tx.sender}
        self.mine(depth + 1)

    # -- ports.Chain

    def chain_id(self) -> int:
        return 7

    def head(self) -> Block:
        return self.chain[-1].block

    def tagged(self, tag: str) -> Block | None:
        return None

    def decimals(self, tokens: Sequence[str]) -> list[int | None]:
        return [6] * len(tokens)

    def opinions(self, at: Block, holding: BalanceQuery) -> list[tuple[str, int]]:
        return []

    def endpoints(self) -> list[tuple[str, str, str]]:
        return [("toy", "usable", "")]

    def blocks(self, numbers: Iterable[int]) -> dict[int, Block]:
        return {n: self.chain[n].block for n in numbers if n < len(self.chain)}

    def balances(self, at: Block, wanted: Sequence[BalanceQuery]) -> list[int | None]:
        held = self.chain[at.number].balances
        return [held.get((each.address, each.token), 0) for each in wanted]

    def transfers(self, wanted: Sequence[Arrivals], last: int, *, turn: int = 0) -> list[list[Transfer]]:
        return [
            [
                Transfer(tx_hash, None, mined.block.number, mined.block.hash, tx.sender or None, tx.amount)
                for mined in self.chain[each.first : last + 1]
                for tx_hash, tx in mined.held.items()
                if (tx.to, tx.token) == (each.address, each.token)
            ]
            for each in wanted
        ]

    def sent_by(self, address: str, at: Block) -> int | None:
        return int(any(tx.sender == address for mined in self.chain[: at.number + 1] for tx in mined.held.values()))

    def has_code(self, address: str) -> bool:
        return False

    def receipt(self, tx_hash: str) -> Receipt | None:
        for mined in self.chain:
            if tx := mined.held.get(tx_hash):
                log = (TokenTransfer(tx.token, tx.sender, tx.to, tx.amount, 0),) if tx.token else ()
                value = 0 if tx.token else tx.amount
                block = mined.block
                return Receipt(tx_hash, block.number, block.hash, True, tx.fee, value, tx.sender, tx.to, log)
        return None

    def known(self, tx_hash: str) -> bool:
        return tx_hash in self.pool or self.receipt(tx_hash) is not None

    def broadcast(self, raw: str) -> None:
        body = bytes.fromhex(raw)
        tx_hash = hashlib.sha256(body).hexdigest()
        transaction = ToyTransaction(**json.loads(body))
        if self.head().time > transaction.expires:
            raise BroadcastRejected("transaction expired")
        if not self.known(tx_hash):
            self.pool[tx_hash] = transaction


def _apply(tx: ToyTransaction, balances: dict[tuple[str, str | None], int]) -> bool:
    if tx.sender:
        after = dict(balances)
        for asset, amount in ((tx.token, tx.amount), (None, tx.fee)):
            after[tx.sender, asset] = after.get((tx.sender, asset), 0) - amount
        if min(after.values()) < 0:
            return False
        balances.update(after)
    balances[tx.to, tx.token] = balances.get((tx.to, tx.token), 0) + tx.amount
    return True


@dataclass(slots=True)
class ToyTransfers:
    """The `ports.Transfers` of the kind: flat fees, nothing is replaced, and what has expired is over."""

    network: Network
    node: ToyChain
    clock: Clock
    log: Log

    def head(self) -> Block:
        return self.node.head()

    def balances(self, *wanted: BalanceQuery) -> list[int] | None:
        found = [each for each in self.node.balances(self.head(), wanted) if each is not None]
        return found if len(found) == len(wanted) else None

    def holdings(self, wanted: Sequence[BalanceQuery]) -> list[int | None]:
        return self.node.balances(self.head(), wanted)

    def price(self) -> int:
        return COIN_FEE

    def usual_cost(self, token: str | None, *, together: int = 0) -> int:
        return TOKEN_FEE + COIN_FEE if token else COIN_FEE

    def usual_payout(self, token: str | None) -> int:
        return TOKEN_FEE if token else COIN_FEE

    @property
    def lends(self) -> bool:
        return False

    def quote(self, order: Order, coin: int, *, giver: str = "") -> Quote:
        if order.token is None:
            return Quote(COIN_FEE)
        return Quote(TOKEN_FEE, short=max(TOKEN_FEE - coin, 0), gift=TOKEN_FEE, gift_fee=COIN_FEE)

    def transfer(self, order: Order, quote: Quote, last: OutgoingTransaction | None) -> Planned | None:
        if last is not None and last.tx_hash is not None and self.node.receipt(last.tx_hash) is None:
            raise Unavailable("the node does not show our last transaction yet")
        amount = order.amount if order.token else order.amount - quote.cost
        return self._planned(replace(order, amount=amount), quote, last) if amount > 0 else None

    def quote_gift(self, order: Order, need: Quote) -> Quote:
        return Quote(COIN_FEE, gift=order.amount)

    def on_loan(self, station: str) -> list[str]:
        return []

    def take_back(self, station: str, address: str, last: OutgoingTransaction | None) -> Planned | None:
        return None

    def give(self, order: Order, quote: Quote, last: OutgoingTransaction | None) -> Planned:
        return self._planned(order, quote, last)

    def _planned(self, order: Order, quote: Quote, last: OutgoingTransaction | None) -> Planned:
        number, head = int(last.slot) + 1 if last else 0, self.head()
        transaction = ToyTransaction(
            network=self.network.name,
            sender=order.sender,
            to=order.to,
            token=order.token,
            amount=order.amount,
            fee=quote.fee,
            stamp=number,
            expires=head.time + LASTS_MS,
        )
        amounts = {"amount": order.amount} if order.token else {"value": order.amount}
        terms = (("expires", transaction.expires),)
        return Planned(transaction=transaction, slot=f"{number:06d}", cost=quote.fee, terms=terms, **amounts)

    def cannot_collect(self, to: str, operator: str) -> str:
        return "the kind has no batches"

    def quote_collection(self, orders: Sequence[Order], operator: str) -> Collection:
        raise AssertionError(self.cannot_collect("", operator))

    def next_slot(self, sender: str, last: OutgoingTransaction | None) -> str:
        raise AssertionError(self.cannot_collect("", sender))

    def collect(self, collection: Collection, operator: str, slot: str) -> Planned:
        raise AssertionError(self.cannot_collect("", operator))

    def cannot_pay_together(self, treasury: str) -> str:
        return "nothing pays many here"

    def quote_payouts(self, orders: Sequence[Order]) -> Collection:
        raise AssertionError(self.cannot_pay_together(""))

    def pay_together(self, collection: Collection, last: OutgoingTransaction | None) -> Planned:
        raise AssertionError(self.cannot_pay_together(""))

    def quote_allowance(self, treasury: str, token: str, count: int) -> Quote | None:
        raise AssertionError(self.cannot_pay_together(""))

    def allow(self, treasury: str, token: str, quote: Quote, last: OutgoingTransaction | None) -> Planned:
        raise AssertionError(self.cannot_pay_together(""))

    def in_turn(self, waiting: Sequence[OutgoingTransaction]) -> list[OutgoingTransaction]:
        return list(waiting)

    def due(self, transaction: OutgoingTransaction, *, cancel: bool) -> bool:
        return False

    def requote(self, transaction: OutgoingTransaction, *, cancel: bool) -> Quote | None:
        return None

    def replacement(
        self, transaction: OutgoingTransaction, quote: Quote, held: Held, to: str, *, cancel: bool
    ) -> Planned | None:
        return None

    def hopeless(self, refusal: Refusal) -> bool:
        return False

    def fate(self, transaction: OutgoingTransaction, head: Block, final: int) -> Fate:
        for attempt in transaction.attempts:
            receipt = self.node.receipt(attempt.tx_hash)
            if receipt is not None and receipt.block_number <= head.number:
                return Fate(Outlook.OPEN, receipt)
        expires = max(dict(attempt.terms)["expires"] for attempt in transaction.attempts)
        solid = self.node.blocks([final]).get(final)
        return Fate(Outlook.EXPIRED if solid is not None and solid.time > expires else Outlook.OPEN)

    def hurry(self, transaction: OutgoingTransaction, head: Block) -> bool:
        return False
