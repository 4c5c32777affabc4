"""Each minute while money moves: compare the ledger with the chain, at one block; each chain once a day besides."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from ctrip.domain.audit import Origin
from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.chains.chain import BalanceQuery, Block
from ctrip.domain.detection.gates import Gate
from ctrip.domain.errors import ChainError, CtripError, Stale
from ctrip.domain.ledger.balances import Sums
from ctrip.domain.ledger.entries import GAS_STATION, ON_ADDRESSES, OPERATOR, TREASURY
from ctrip.domain.ledger.reconcile import OPERATORS, Compared, Difference, Reconciliation, judge
from ctrip.domain.payments.payment import Custody, Payment, Tier
from ctrip.domain.sweeping.sweep import OutgoingTransaction, TransactionState
from ctrip.domain.sweeping.under_way import booked, under_way, unposted
from ctrip.ports.chain import Chain
from ctrip.ports.merchants import AccessStore
from ctrip.ports.money import MoneyStore
from ctrip.ports.payments import PaymentStore
from ctrip.ports.reconciliation import ReconciliationStore
from ctrip.ports.runtime import Clock, Log
from ctrip.services.ledger.audit_looks import with_differences

# How long a chain that is not hot is left alone: while it has something due now and then, and else.
WARM_MS, DAY_MS = 300_000, 86_400_000
PAGE = 100
TOUCHED_MOST = 500  # payments at work that one look takes; which of them comes first follows from the index
SLICE = 200  # addresses of older payments in a look: all of them, in the course of the looks
# Closed payments are no more in the index: what comes to their swept addresses the scanner's daily round finds.
SLICED = (Tier.PARKED, Tier.MONITORED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """Compares each chain's books; `sums` adds up an owner's entries, `station` names what the gas station holds."""

    networks: Mapping[str, Network]
    open_chain: Callable[[str], Chain]
    treasury_of: Callable[[Network], str]
    station: Callable[[Network], Sequence[str]]
    sums: Callable[[str], Sums]
    payments: PaymentStore
    money: MoneyStore
    access: AccessStore
    reconciliations: ReconciliationStore
    clock: Clock
    log: Log

    def run(self) -> list[str]:
        """Look at each chain that is due; return their names. One chain's trouble is no other's."""
        now, names = self.clock.now(), tuple(self.networks)
        gates = self.access.gates(names)
        opened = [name for name in names if name in gates and not gates[name].paused]
        last = self.reconciliations.reconciliations(opened) if opened else {}
        due = [name for name in opened if _due(gates[name], last[name], now)]
        return [name for name in due if self._looked(name, last[name])]

    def _looked(self, name: str, before: Reconciliation) -> bool:
        try:
            self.look(name, before)
        except Stale:
            return False  # another look was faster
        except (ChainError, CtripError) as exc:
            # Nothing is known, which is no difference. That nodes do not answer, the scanner alarms.
            self.log.warning("not_reconciled", chain=name, kind=type(exc).__name__, error=exc)
            return False
        return True

    def look(self, name: str, before: Reconciliation) -> Reconciliation:
        """Compare one chain's books with its newest block, and keep what was found."""
        network, chain = self.networks[name], self.open_chain(name)
        # First: what they have done by the time of the block is within the bounds, posted or not.
        moving = self.money.unfinished(name)
        payments, position = self._payments(name, before.position)
        block = chain.head()
        own = self._own(network)
        seen = self._balances(chain, network, block, own, payments)
        sums = self._sums(name)
        compared = [
            *self._operators(network, own, moving, seen, sums),
            *(_address(each, moving, seen, block) for each in payments),
        ]
        if any(each.state is TransactionState.UNREADABLE for each in moving):
            return before  # it may have moved anything; there is an alarm for it
        verdict = judge(before, compared, block=block.number, now=self.clock.now(), position=position)
        after, audit = with_differences(before, verdict.after, Origin("reconcile"), self.clock.now())
        self.reconciliations.keep(before, after, verdict.openings, audit)
        for entry in verdict.openings:
            self.log.info("capital_opened", chain=name, asset=entry.asset, where=entry.id.split("#")[2])
        for each in verdict.alarms:
            self._alarm(name, each)
        return after

    def _alarm(self, chain: str, difference: Difference) -> None:
        self.log.error(
            "books_differ",
            chain=chain,
            where=difference.account,
            asset=difference.asset,
            amount=str(difference.amount),
            block=difference.block,
            payment=difference.payment_id or None,
        )

    def _payments(self, chain: str, position: str) -> tuple[list[Payment], str]:
        """Return the payments that money moves at, and the next slice of the older ones; and where that ended."""
        rows = [*self.payments.rows(chain, Tier.SWEEP), *self.payments.rows(chain, Tier.OPEN)]
        touched = [each.id for each in rows if each.touched][:TOUCHED_MOST]
        tier, _, after = position.partition(":")
        place = next((number for number, each in enumerate(SLICED) if each.value == tier), 0)
        slice_, end = self.payments.slice(chain, SLICED[place], after=after, limit=SLICE)
        # An empty position is the end of a tier: the next tier is next.
        following = SLICED[place] if end else SLICED[(place + 1) % len(SLICED)]
        ids = dict.fromkeys([*touched, *(each.id for each in slice_)])
        found = self.payments.read(list(ids)).values()
        ours = [each for each in found if each.policy.custody is not Custody.XPUB and each.due.chain == chain]
        return ours, f"{following.value}:{end}"

    def _own(self, network: Network) -> dict[str, tuple[str, ...]]:
        treasury = self.treasury_of(network)
        return {TREASURY: (treasury,) if treasury else (), GAS_STATION: tuple(self.station(network))}

    def _balances(
        self,
        chain: Chain,
        network: Network,
        block: Block,
        own: Mapping[str, Sequence[str]],
        payments: Sequence[Payment],
    ) -> dict[BalanceQuery, int | None]:
        wanted = {
            BalanceQuery(address, asset.address)
            for account, addresses in own.items()
            for asset in _assets(network, account)
            for address in addresses
        } | {_at(each) for each in payments}
        asked = sorted(wanted, key=lambda each: (each.token or "", each.address))
        seen: dict[BalanceQuery, int | None] = {}
        for _, group in groupby(asked, key=lambda each: each.token):  # one token's trouble is no other's
            queries = list(group)
            try:
                seen |= dict(zip(queries, chain.balances(block, queries), strict=True))
            except ChainError:
                seen |= dict.fromkeys(queries)
        return seen

    def _sums(self, chain: str) -> Counter[tuple[str, str]]:
        """Add up what all owners' ledgers have at the operator's places, by place and asset."""
        total: Counter[tuple[str, str]] = Counter()
        for owner in self._owners():
            for (where, asset, account), amount in self.sums(owner).items():
                if where == chain and account in OPERATORS:
                    total[account, asset] += amount
        return total

    def _owners(self) -> Iterator[str]:
        yield OPERATOR
        after = ""
        while page := self.access.merchants(after, PAGE):
            yield from (each.id for each in page)
            after = page[-1].id

    def _operators(
        self,
        network: Network,
        own: Mapping[str, Sequence[str]],
        moving: Sequence[OutgoingTransaction],
        seen: Mapping[BalanceQuery, int | None],
        sums: Mapping[tuple[str, str], int],
    ) -> Iterator[Compared]:
        for account, addresses in own.items():
            for asset in _assets(network, account) if addresses else ():
                held = [seen[BalanceQuery(address, asset.address)] for address in addresses]
                bounds = under_way(moving, addresses, asset.address)
                key = asset.id or "native"
                yield Compared(
                    account=account,
                    asset=key,
                    booked=sums.get((account, key), 0),
                    seen=None if None in held else sum(each or 0 for each in held),
                    leaving=bounds.leaving,
                    entering=bounds.entering,
                    because=bounds.keys,
                )


def _due(gate: Gate, last: Reconciliation, now: int) -> bool:
    """Whether money moves on the chain, or it has not been looked at for too long; never before the first payment."""
    pause = 0 if now < gate.hot_until else WARM_MS if now < gate.warm_until else DAY_MS
    return gate.daily_at > 0 and now - last.looked_at >= pause


def _assets(network: Network, account: str) -> tuple[Asset, ...]:
    """Return what an account of the operator's holds: the gas station pays in coin, and has no token to lose."""
    return (network.coin,) if account == GAS_STATION else (network.coin, *network.tokens)


def _at(payment: Payment) -> BalanceQuery:
    return BalanceQuery(payment.due.address, payment.due.token_address)


def _address(
    payment: Payment,
    moving: Sequence[OutgoingTransaction],
    seen: Mapping[BalanceQuery, int | None],
    block: Block,
) -> Compared:
    bounds = under_way(moving, (payment.due.address,), payment.due.token_address)
    return Compared(
        account=ON_ADDRESSES,
        asset=payment.due.asset_key,
        payment_id=payment.id,
        booked=booked(payment, block.number),
        seen=seen[_at(payment)],
        leaving=bounds.leaving,
        entering=bounds.entering + unposted(payment),
        because=bounds.keys,
    )
