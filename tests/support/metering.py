"""Stores that charge every call to who made it, and a chain whose facts are as long as real ones."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from ctrip.domain.chains.acts import Signed
from ctrip.domain.chains.chain import Transfer
from ctrip.domain.chains.evm.transaction import Transaction
from ctrip.signer.wallet import MnemonicWallet
from ctrip.store.engine.connection import Connection
from tests.fakes.chain import FakeChain, FakeSigner, Tx
from tests.support.stores import Stores

READS = frozenset({"GetItem", "BatchGetItem", "Query", "TransactGetItems"})


@dataclass(frozen=True, slots=True)
class Charge:
    """One call: the phase it fell into, the store's method, DynamoDB's operation, the table, and its units."""

    phase: str
    method: str
    operation: str
    table: str
    units: float

    @property
    def reads(self) -> bool:
        """Whether these are read units."""
        return self.operation in READS


@dataclass(slots=True)
class Meter:
    """Charges each call on a connection to a phase and to a store's method; index writes are part of the units."""

    charges: list[Charge] = field(default_factory=list)
    phase: str = ""
    method: str = ""

    def watch(self, connection: Connection) -> None:
        """Begin to note what a connection consumes."""
        events = connection.client.meta.events
        events.register("before-parameter-build.dynamodb", self._ask)
        events.register("after-call.dynamodb", self._note)

    @contextmanager
    def during(self, phase: str) -> Iterator[None]:
        """Charge what is called inside to a phase."""
        before, self.phase = self.phase, phase
        try:
            yield
        finally:
            self.phase = before

    def stores(self, real: Stores) -> Stores:
        """Wrap stores, so that each call is charged to its method."""
        names = [each.name for each in fields(real)]
        return Stores(*(_Metered(self, name, getattr(real, name)) for name in names))  # type: ignore[arg-type]

    def _ask(self, params: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "INDEXES"

    def _note(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        # A refused write costs what it would have written and says nothing of it: one unit at the least.
        used = parsed.get("ConsumedCapacity", {"TableName": "-refused", "CapacityUnits": 1.0})
        for each in used if isinstance(used, list) else [used]:
            table = each["TableName"].rsplit("-", 1)[1]
            self.charges.append(Charge(self.phase, self.method, model.name, table, each["CapacityUnits"]))


class _Metered:
    """Passes on to a store, and names the method while it runs."""

    def __init__(self, meter: Meter, name: str, real: Any) -> None:
        self._meter, self._name, self._real = meter, name, real

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def named(*args: Any, **kwargs: Any) -> Any:
            before, self._meter.method = self._meter.method, f"{self._name}.{method}"
            try:
                return getattr(self._real, method)(*args, **kwargs)
            finally:
                self._meter.method = before

        return named


def total(charges: list[Charge], *, reads: bool) -> float:
    """Sum the read or the write units."""
    return sum(each.units for each in charges if each.reads is reads)


def table(charges: list[Charge]) -> str:
    """Lay the charges out for people: a line for each phase and call."""
    lines = []
    for phase in dict.fromkeys(each.phase for each in charges):
        mine = [each for each in charges if each.phase == phase]
        lines.append(f"{phase:<24} {total(mine, reads=False):>7.3f} written {total(mine, reads=True):>6.1f} read")
        sums: dict[str, float] = {}
        for each in mine:
            name = f"{'read' if each.reads else 'written':<7}  {each.method} ({each.operation}, {each.table})"
            sums[name] = sums.get(name, 0.0) + each.units
        lines += [f"    {units:>7.3f} {name}" for name, units in sums.items()]
    return "\n".join(lines)


class LongChain(FakeChain):
    """A chain whose hashes and signed bytes have the length of real ones: what is stored is charged by its size."""

    def __init__(self, start: int) -> None:
        super().__init__(start, base_fee=12_345_678_901)
        self.signed: dict[str, Tx] = {}

    def deposit(self, *args: Any, **kwargs: Any) -> str:
        short = super().deposit(*args, **kwargs)
        self.pool[-1] = replace(self.pool[-1], tx_hash=_long(short))
        return _long(short)

    def _mine_one(self, seconds: int) -> None:
        super()._mine_one(seconds)
        mined = self.chain[-1]
        self.chain[-1] = replace(mined, block=replace(mined.block, hash=_long(mined.block.hash)))

    def transfers(self, *args: Any, **kwargs: Any) -> list[list[Transfer]]:
        return [
            [replace(each, sender=_long(each.tx_hash or "")[:42]) for each in found]
            for found in super().transfers(*args, **kwargs)
        ]

    def broadcast(self, raw: str) -> None:
        super().broadcast("0x" + json.dumps(asdict(self.signed[raw])).encode().hex())


class LongSigner(FakeSigner):
    """Signs with real keys, and tells the chain what its bytes mean."""

    def __init__(self, wallet: MnemonicWallet, chain: LongChain, accounts: int) -> None:
        super().__init__({account: wallet.account_xpub("evm", account) for account in range(accounts)})
        self._wallet, self._chain = wallet, chain

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
        fake = super().sign(chain, path, sender, transaction, recipient_path=recipient_path, payouts=payouts)
        real = self._wallet.sign("evm", path, transaction)
        tx = Tx(**json.loads(bytes.fromhex(fake.raw.removeprefix("0x"))))
        self._chain.signed[real.raw] = replace(tx, tx_hash=real.tx_hash)
        return real


def _long(name: str) -> str:
    return "0x" + hashlib.sha256(name.encode()).hexdigest()
