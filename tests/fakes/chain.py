"""A chain in memory: blocks, forks, balances by hash, a pool. It passes tests/contract/test_chain.py beside Anvil."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from ctrip.domain.chains.acts import Signed
from ctrip.domain.chains.chain import Arrivals, BalanceQuery, Block, Receipt, TokenTransfer, Transfer
from ctrip.domain.chains.evm.pay_call import WHOLE, PayCall, parse_approve, parse_pay
from ctrip.domain.chains.evm.sweep_call import SweepCall, parse_sweep
from ctrip.domain.chains.evm.sweep_contracts import payout_batcher, sweep_pair
from ctrip.domain.chains.evm.transaction import NATIVE_GAS, Account, Call, Fees, Transaction, transfer_destination
from ctrip.domain.chains.kinds import KINDS, address_at
from ctrip.domain.errors import BroadcastRejected, NotHeld, Unavailable, Underpriced

TOKEN_GAS = 50_000
Balances = dict[tuple[str, str | None], int]


@dataclass(frozen=True, slots=True)
class Tx:
    """One transaction: an outside deposit (`sender` empty) or one of our own."""

    tx_hash: str
    sender: str
    to: str
    token: str | None
    amount: int
    nonce: int = 0
    gas: int = 0
    price: int = 0
    tip: int = 0
    explained: bool = True
    batch: Sequence[str] = ()  # addresses that a call of a batcher (`to`) sweeps of `token`
    grants: Sequence[Sequence[str | int]] = ()  # its authorizations: address, delegate, nonce
    pays: Sequence[Sequence[str | int]] = ()  # whom a call of the contract that pays many pays, and how much
    spender: str = ""  # who may take the sender's `token` from now on


@dataclass(frozen=True, slots=True)
class Mined:
    """A block with what it holds, and the state after it."""

    block: Block
    txs: tuple[Tx, ...]
    balances: Balances
    nonces: dict[str, int]
    success: dict[str, bool]
    codes: dict[str, str] = field(default_factory=dict)
    logs: dict[str, tuple[TokenTransfer, ...]] = field(default_factory=dict)
    allowed: frozenset[tuple[str, str, str]] = frozenset()  # token, owner, spender


@dataclass(slots=True)
class FakeChain:
    """Mines when told, a second a block; `down` makes every call fail, `lying` addresses read as unknown."""

    start: int
    base_fee: int = 7
    suggested_tip: int = 1
    minimum_tip: int = 0
    names_minimum: bool = True
    down: bool = False
    unknown: set[str] = field(default_factory=set)
    pool: list[Tx] = field(default_factory=list)
    chain: list[Mined] = field(default_factory=list)
    seen: dict[str, Tx] = field(default_factory=dict)
    forks: int = 0
    requests: int = 0
    final_after: int | None = None
    token_decimals: int = 6
    contracts: set[str] = field(default_factory=set)
    knows_7702: bool = True
    published: dict[str, tuple[str, str]] = field(default_factory=dict)  # batcher -> delegate and treasury
    stubborn: set[str] = field(default_factory=set)  # addresses whose tokens do not move, and whose calls say so
    reverting: set[str] = field(default_factory=set)  # senders of transactions that blocks take, and that fail
    sly: set[str] = field(default_factory=set)  # addresses whose tokens do not move although calls say that they do
    unpaid: set[str] = field(default_factory=set)  # recipients whom nobody pays together with others
    second: Callable[[Block, BalanceQuery], int | None] | None = None
    _serial: int = 0

    def __post_init__(self) -> None:
        self.chain.append(Mined(Block(0, "0xg", "0x", self.start), (), {}, {}, {}))

    # -- what the outside does

    def deposit(self, to: str, amount: int, token: str | None = None, *, explained: bool = True) -> str:
        """Somebody pays; it is mined with the next block. `explained` False: no log or trace tells of it."""
        self._serial += 1
        tx = Tx(f"0xd{self._serial:063x}", "", _low(to) or "", _low(token), amount, explained=explained)
        self.pool.append(tx)
        return tx.tx_hash

    def burn(self, address: str, amount: int, token: str | None = None) -> None:
        """Take money away at the next block, without a transaction of ours."""
        self._serial += 1
        self.pool.append(Tx(f"0xb{self._serial:063x}", "", _low(address) or "", _low(token), -amount))

    def mine(self, blocks: int = 1, *, seconds: int = 1) -> None:
        """Mine blocks; the first one takes the pool."""
        for _ in range(blocks):
            self._mine_one(seconds)

    def _mine_one(self, seconds: int) -> None:
        last = self.chain[-1]
        balances, nonces, codes = dict(last.balances), dict(last.nonces), dict(last.codes)
        logs: dict[str, tuple[TokenTransfer, ...]] = {}
        allowed = last.allowed
        taken: list[Tx] = []
        success: dict[str, bool] = {}
        for tx in list(self.pool):
            if tx.sender and nonces.get(tx.sender, 0) != tx.nonce:
                if nonces.get(tx.sender, 0) > tx.nonce:
                    self.pool.remove(tx)
                continue
            before = dict(balances)
            moving = replace(tx, amount=0) if self._moves_nothing(tx) else tx
            if (worked := _apply(moving, balances, nonces, self.base_fee)) is None:
                continue
            if tx.sender in self.reverting:  # only the gas is gone
                coin = (tx.sender, None)
                worked, balances = False, before | {coin: before[coin] - tx.gas * tx.price}
            logs[tx.tx_hash] = self._collect(tx, balances, nonces, codes) if worked else ()
            if tx.pays:
                logs[tx.tx_hash] = self._pay(tx, balances, allowed) if worked else ()
            if tx.spender and worked:
                allowed |= {(tx.token or "", tx.sender, tx.spender)}
            self.pool.remove(tx)
            taken.append(tx)
            success[tx.tx_hash] = worked
            self.seen[tx.tx_hash] = tx
        number = last.block.number + 1
        block = Block(number, f"0xf{self.forks:031x}b{number:031x}", last.block.hash, last.block.time + seconds * 1000)
        self.chain.append(Mined(block, tuple(taken), balances, nonces, success, codes, logs, allowed))

    def _moves_nothing(self, tx: Tx) -> bool:
        """Whether a token says yes to a sender, and moves nothing."""
        return tx.token is not None and not tx.batch and tx.sender in self.sly

    def deploy(self, treasury: str, operator: str) -> None:
        """Deploy the contracts that sweep, without a transaction."""
        pair = sweep_pair(treasury, operator)
        self.published[pair.batcher.address.lower()] = (pair.delegate.address.lower(), treasury.lower())
        for creation in (pair.batcher, pair.delegate):
            self.chain[-1].codes[creation.address.lower()] = creation.runtime

    def _collect(
        self, tx: Tx, balances: Balances, nonces: dict[str, int], codes: dict[str, str]
    ) -> tuple[TokenTransfer, ...]:
        """Delegate whoever authorizes it, then take the tokens of those who delegate to this batcher's delegate."""
        for address, delegate, nonce in tx.grants:
            if nonces.get(str(address), 0) == nonce:
                codes[str(address)], nonces[str(address)] = f"0xef0100{str(delegate)[2:]}", int(nonce) + 1
        delegate, treasury = self.published.get(tx.to, ("", ""))
        moved: list[TokenTransfer] = []
        for address in tx.batch:
            held = balances.get((address, tx.token), 0)
            if held and codes.get(address) == f"0xef0100{delegate[2:]}" and address not in self.stubborn | self.sly:
                balances[address, tx.token] = 0
                balances[treasury, tx.token] = balances.get((treasury, tx.token), 0) + held
                moved.append(TokenTransfer(tx.token or "", address, treasury, held, len(moved)))
        return tuple(moved)

    def publish_payer(self, treasury: str) -> str:
        """Deploy the contract that pays many, without a transaction; return its address."""
        creation = payout_batcher(treasury)
        self.chain[-1].codes[creation.address.lower()] = creation.runtime
        return creation.address

    def _pay(self, tx: Tx, balances: Balances, allowed: frozenset[tuple[str, str, str]]) -> tuple[TokenTransfer, ...]:
        """Pay whom it can; of the coin, the rest goes back to the treasury."""
        moved: list[TokenTransfer] = []
        may = tx.token is None or (tx.token, tx.sender, tx.to) in allowed
        if tx.token is None:
            balances[tx.sender, None] += tx.amount
        for to, amount in ((str(to), int(amount)) for to, amount in tx.pays):
            if may and to not in self.unpaid and balances.get((tx.sender, tx.token), 0) >= amount:
                balances[tx.sender, tx.token] -= amount
                balances[to, tx.token] = balances.get((to, tx.token), 0) + amount
                moved.append(TokenTransfer(tx.token or tx.to, tx.sender, to, amount, len(moved)))
        return tuple(moved)

    def reorg(self, depth: int, *, drop: Iterable[str] = (), again: bool = True, later: bool = False) -> None:
        """Replace the last `depth` blocks by one more; the dropped never come back, `again` mines the rest.

        They come back in the first of the new blocks, or `later`, in the last.
        """
        gone = set(drop)
        depth = min(depth, len(self.chain) - 1)
        removed = self.chain[-depth:] if depth else []
        del self.chain[len(self.chain) - depth :]
        self.forks += 1
        back = [tx for mined in removed for tx in mined.txs if tx.tx_hash not in gone]
        # What waits now is mined in the newest block alone: the others are as old as those that they replace.
        waiting, self.pool = self.pool, back if again and not later else []
        waiting += back if again and later else []
        self.mine(depth)
        self.pool += waiting
        self.mine()

    # -- ports.Chain

    def chain_id(self) -> int:
        return 31337

    def head(self) -> Block:
        self._ask()
        return self.chain[-1].block

    def tagged(self, tag: str) -> Block | None:
        self._ask()
        return (
            self.chain[max(len(self.chain) - 1 - self.final_after, 0)].block if self.final_after is not None else None
        )

    def decimals(self, tokens: Sequence[str]) -> list[int | None]:
        self._ask()
        return [self.token_decimals] * len(tokens)

    def opinions(self, at: Block, holding: BalanceQuery) -> list[tuple[str, int]]:
        try:
            first = self.balances(at, [holding])[0]
        except Unavailable:
            return []
        second = self.second(at, holding) if self.second else None
        return [(host, each) for host, each in (("fake", first), ("other", second)) if each is not None]

    def endpoints(self) -> list[tuple[str, str, str]]:
        return [("fake", "usable", "")]

    def blocks(self, numbers: Iterable[int]) -> dict[int, Block]:
        self._ask()
        return {n: self.chain[n].block for n in numbers if n < len(self.chain)}

    def balances(self, at: Block, wanted: Sequence[BalanceQuery]) -> list[int | None]:
        self._ask()
        mined = self.chain[at.number] if at.number < len(self.chain) else None
        if mined is None or mined.block.hash != at.hash:
            return self.lacks(at)
        return [
            None if h.address in self.unknown else mined.balances.get((_low(h.address) or "", _low(h.token)), 0)
            for h in wanted
        ]

    def lacks(self, at: Block) -> list[int | None]:
        """Answer as a node does that does not hold a block."""
        raise NotHeld(f"no endpoint holds block {at.hash}")

    def transfers(self, wanted: Sequence[Arrivals], last: int, *, turn: int = 0) -> list[list[Transfer]]:
        self._ask()
        return [self._transfers(each, last) for each in wanted]

    def _transfers(self, wanted: Arrivals, last: int) -> list[Transfer]:
        found = []
        for mined in self.chain[max(wanted.first, 0) : last + 1]:
            for place, tx in enumerate(mined.txs):
                mine = (tx.to, tx.token) == (_low(wanted.address), _low(wanted.token))
                if mine and tx.explained and tx.amount > 0 and mined.success[tx.tx_hash]:
                    log = place if tx.token else None
                    sender = tx.sender or "0x" + "9" * 40
                    found.append(Transfer(tx.tx_hash, log, mined.block.number, mined.block.hash, sender, tx.amount))
        return found

    def receipt(self, tx_hash: str) -> Receipt | None:
        self._ask()
        for mined in reversed(self.chain):
            tx = next((tx for tx in mined.txs if tx.tx_hash == tx_hash), None)
            if tx is not None:
                return self._receipt(tx, mined)
        return None

    def _receipt(self, tx: Tx, mined: Mined) -> Receipt:
        worked = mined.success[tx.tx_hash]
        plain = (
            (TokenTransfer(tx.token, tx.sender, tx.to, tx.amount, 0),)
            if tx.token and worked and not self._moves_nothing(tx)
            else ()
        )
        logs = mined.logs[tx.tx_hash] if tx.batch or tx.pays else () if tx.spender else plain
        return Receipt(
            tx_hash=tx.tx_hash,
            block_number=mined.block.number,
            block_hash=mined.block.hash,
            success=worked,
            fee=tx.gas * tx.price,
            value=0 if tx.token else tx.amount,
            sender=tx.sender,
            to=tx.to if tx.pays else tx.token or tx.to,
            token_transfers=logs,
        )

    def known(self, tx_hash: str) -> bool:
        self._ask()
        return any(tx.tx_hash == tx_hash for tx in self.pool) or self.receipt(tx_hash) is not None

    def hashes(self, numbers: Iterable[int]) -> dict[int, frozenset[str]]:
        self._ask()
        return {n: frozenset(tx.tx_hash for tx in self.chain[n].txs) for n in numbers if n < len(self.chain)}

    def nonce_at(self, address: str, at: Block) -> int | None:
        self._ask()
        mined = self.chain[at.number] if at.number < len(self.chain) else None
        return mined.nonces.get(_low(address) or "", 0) if mined and mined.block.hash == at.hash else None

    def sent_by(self, address: str, at: Block) -> int | None:
        return self.nonce_at(address, at)

    def has_code(self, address: str) -> bool:
        self._ask()
        return _low(address) in self.contracts or (_low(address) or "") in self.chain[-1].codes

    def accounts(self, at: Block, addresses: Sequence[str]) -> list[Account]:
        self._ask()
        mined = self.chain[at.number]
        low = [address.lower() for address in addresses]
        return [Account(mined.codes.get(each, "0x"), mined.nonces.get(each, 0)) for each in low]

    def refusals(self, at: Block, wanted: Sequence[Call]) -> list[str | None]:
        self._ask()
        return ["execution reverted" if each.sender.lower() in self.stubborn else None for each in wanted]

    def allowance(self, at: Block, token: str, owner: str, spender: str) -> int:
        self._ask()
        return WHOLE if (token.lower(), owner.lower(), spender.lower()) in self.chain[at.number].allowed else 0

    def authorizes(self, sender: str, delegate: str) -> bool:
        self._ask()
        return self.knows_7702

    def nonce(self, address: str) -> int:
        self._ask()
        return self.chain[-1].nonces.get(_low(address) or "", 0)

    def balance(self, holding: BalanceQuery) -> int:
        self._ask()
        return self.chain[-1].balances.get((_low(holding.address) or "", _low(holding.token)), 0)

    def fees(self) -> Fees:
        self._ask()
        return Fees(self.base_fee, self.suggested_tip)

    def layer_fee(self, size: int = 0) -> int:
        return 0

    def gas_pays_layer(self) -> bool:
        return False

    def estimate_gas(self, sender: str, to: str, value: int, data: str) -> int:
        self._ask()
        return NATIVE_GAS if data == "0x" else TOKEN_GAS

    def broadcast(self, raw: str) -> None:
        self._ask()
        tx = Tx(**json.loads(bytes.fromhex(raw.removeprefix("0x"))))
        if self.known(tx.tx_hash):
            return
        if self.nonce(tx.sender) > tx.nonce:
            raise BroadcastRejected("nonce too low")
        if tx.tip < self.minimum_tip:
            raise Underpriced("gas tip cap below the minimum", self.minimum_tip if self.names_minimum else None)
        rival = next((t for t in self.pool if (t.sender, t.nonce) == (tx.sender, tx.nonce)), None)
        if rival is not None:
            if tx.price * 10 < rival.price * 11:
                raise BroadcastRejected("replacement transaction underpriced")
            self.pool.remove(rival)
        self.pool.append(tx)

    def _ask(self) -> None:
        self.requests += 1
        if self.down:
            raise Unavailable("the node is down")

    def total(self, token: str | None, addresses: Iterable[str]) -> int:
        """Sum what addresses hold at the head."""
        state = self.chain[-1].balances
        return sum(state.get((_low(address) or "", _low(token)), 0) for address in addresses)


class FakeSigner:
    """Signs for `FakeChain`: the raw bytes are the transaction itself; nothing is checked here."""

    def __init__(self, xpubs: Mapping[int, str]) -> None:
        self._xpubs = xpubs
        self.signed: list[Transaction] = []

    def account_xpub(self, kind: str, account: int) -> str:
        return self._xpubs[account]

    def operators_address(self, kind: str, index: int) -> str:
        return address_at(KINDS[kind], self._xpubs[0], index)

    def vouch(self, merchant_id: str, chain: str) -> str:
        return f"vouched:{merchant_id}:{chain}"

    def sign(
        self,
        chain: str,
        path: str,
        sender: str,
        transaction: Transaction,
        *,
        recipient_path: str | None = None,
        payouts: tuple[tuple[str, str], ...] = (),
    ) -> Signed:
        self.signed.append(transaction)
        if batch := parse_sweep(transaction.data):
            return _encoded(_batch_tx(sender, transaction, batch))
        call, spender = parse_pay(transaction.data), parse_approve(transaction.data)
        if call or spender:
            return _encoded(_treasury_tx(sender, transaction, call, spender or ""))
        token = transaction.data != "0x"
        tx = Tx(
            tx_hash="",
            sender=_low(sender) or "",
            to=(transfer_destination(transaction.data) if token else transaction.to).lower(),
            token=transaction.to.lower() if token else None,
            amount=int(transaction.data[74:], 16) if token else transaction.value,
            nonce=transaction.nonce,
            gas=transaction.gas,
            price=transaction.max_fee,
            tip=transaction.priority_fee,
        )
        return _encoded(tx)


def _encoded(tx: Tx) -> Signed:
    digest = hashlib.sha256(json.dumps(asdict(tx)).encode()).hexdigest()
    tx = replace(tx, tx_hash=f"0x{digest}")
    return Signed("0x" + json.dumps(asdict(tx)).encode().hex(), tx.tx_hash)


def _batch_tx(sender: str, transaction: Transaction, call: SweepCall) -> Tx:
    return Tx(
        tx_hash="",
        sender=sender.lower(),
        to=transaction.to.lower(),
        token=call.token,
        amount=0,
        nonce=transaction.nonce,
        gas=transaction.gas,
        price=transaction.max_fee,
        tip=transaction.priority_fee,
        batch=call.accounts,
        grants=[(each.address.lower(), each.delegate.lower(), each.nonce) for each in transaction.authorizations],
    )


def _treasury_tx(sender: str, transaction: Transaction, call: PayCall | None, spender: str) -> Tx:
    token = (call.token if call else transaction.to) or None
    return Tx(
        tx_hash="",
        sender=sender.lower(),
        to=transaction.to.lower(),
        token=token.lower() if token else None,
        amount=transaction.value,
        nonce=transaction.nonce,
        gas=transaction.gas,
        price=transaction.max_fee,
        tip=transaction.priority_fee,
        pays=call.payments if call else (),
        spender=spender.lower(),
    )


def _apply(tx: Tx, balances: Balances, nonces: dict[str, int], base_fee: int) -> bool | None:
    """Apply a transaction; None where no block would take it, False where it is taken and reverts."""
    target = (tx.to, tx.token)
    if not tx.sender:
        balances[target] = max(balances.get(target, 0) + tx.amount, 0)
        return True
    fee, coin = tx.gas * tx.price, (tx.sender, None)
    if tx.price < base_fee or balances.get(coin, 0) < fee + (0 if tx.token else tx.amount):
        return None
    balances[coin] -= fee
    nonces[tx.sender] = tx.nonce + 1
    if tx.batch or tx.spender:
        return True
    if tx.pays:
        balances[coin] -= 0 if tx.token else tx.amount
        return True
    source = (tx.sender, tx.token)
    if balances.get(source, 0) < tx.amount:
        return False
    balances[source] -= tx.amount
    balances[target] = balances.get(target, 0) + tx.amount
    return True


def _low(address: str | None) -> str | None:
    return address.lower() if address else None
