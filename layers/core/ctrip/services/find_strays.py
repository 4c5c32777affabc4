"""Find money that nobody asked for: other assets and other chains at our addresses, and what comes after the end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ctrip.domain.access import Merchant, Round
from ctrip.domain.assets import Asset, Network
from ctrip.domain.chain import Block, Holding
from ctrip.domain.decide import note_stray
from ctrip.domain.errors import Stale
from ctrip.domain.keys import ExtendedKey
from ctrip.domain.payment import Payment, Stray, Tier
from ctrip.ports import AccessStore, Chain, Clock, Fence, Jobs, Log, PaymentStore
from ctrip.services.recording import Recorder

CHUNK = 2_000  # addresses of the daily round in one pass


@dataclass(frozen=True, slots=True, kw_only=True)
class StrayFinder:
    """Looks where nothing is due; what it finds is recorded and reported, never credited and never swept.

    `daily_ms` is the time between two rounds over every address ever given out.
    """

    network: Network
    chain: Chain
    payments: PaymentStore
    access: AccessStore
    jobs: Jobs
    clock: Clock
    recorder: Recorder
    log: Log
    daily_ms: int

    def beside(self, watched: Sequence[Payment], at: Block, fence: Fence) -> list[Payment]:
        """Look for this chain's other assets at the addresses of watched payments; return the payments that changed."""
        wanted = [
            (payment, asset)
            for payment in watched
            if payment.pending is None  # the gas that we send is ours only once its receipt is there
            for asset in self._assets()
            if asset.address != payment.token_address
        ]
        if not wanted:
            return []
        balances = self.chain.balances(at, [Holding(payment.address, asset.address) for payment, asset in wanted])
        changed: dict[str, Payment] = {}
        for (payment, asset), balance in zip(wanted, balances, strict=True):
            if balance:
                current = changed.get(payment.id, payment)
                after = self._note(current, asset, balance - current.net_moves(asset.address, at.number), fence)
                if after is not None:
                    changed[payment.id] = after
        return list(changed.values())

    def daily(self, at: Block, fence: Fence) -> list[Payment]:
        """Go one chunk further in the round over every address ever given out; return the payments that changed."""
        progress = self.access.round(self.network.name)
        merchant = self._merchant(progress)
        if merchant is None:
            self.access.advance_round(Round(chain=self.network.name), next_daily_at=self.clock.now() + self.daily_ms)
            return []
        given = self.access.indexes(merchant.id, "evm") if merchant.xpub else 0
        last = min(given, progress.index + CHUNK)
        changed = self._look_at(merchant, range(progress.index, last), at, fence)
        upcoming = Round(chain=self.network.name, merchant_id=merchant.id, index=last)
        self.access.advance_round(upcoming, next_daily_at=None)
        return changed

    def _merchant(self, progress: Round) -> Merchant | None:
        """Return the merchant whose addresses are next; None when every merchant has been looked at."""
        current = self.access.merchant(progress.merchant_id) if progress.merchant_id else None
        if current and current.xpub and progress.index < self.access.indexes(current.id, "evm"):
            return current
        following = self.access.merchants(progress.merchant_id, 1)
        return following[0] if following else None

    def _look_at(self, merchant: Merchant, indexes: range, at: Block, fence: Fence) -> list[Payment]:
        if not indexes:
            return []
        branch = ExtendedKey.parse(merchant.xpub).child(0)
        wanted = [(branch.child(index).address(), asset) for index in indexes for asset in self._assets()]
        balances = self.chain.balances(at, [Holding(address, asset.address) for address, asset in wanted])
        changed = []
        for (address, asset), balance in zip(wanted, balances, strict=True):
            if balance:
                changed += list(self._at_address(address, asset, balance, at, fence))
        return changed

    def _at_address(self, address: str, asset: Asset, balance: int, at: Block, fence: Fence) -> Iterator[Payment]:
        payment_id = self.payments.by_address(address)
        payment = self.payments.get(payment_id) if payment_id else None
        if payment is None:
            self.log.error("unissued_address_funded", address=address, asset=asset.symbol, amount=str(balance))
            return
        if payment.chain == self.network.name:
            if payment.pending is not None:
                return  # what we move ourselves is told apart by its receipt; the next round looks again
            balance -= payment.net_moves(asset.address, at.number)
            if asset.address == payment.token_address:
                if payment.tier is not Tier.CLOSED:
                    return  # the scanner's own business
                balance -= payment.amount_received
        if (after := self._note(payment, asset, balance, fence)) is not None:
            yield after

    def _note(self, payment: Payment, asset: Asset, amount: int, fence: Fence) -> Payment | None:
        stray = Stray(self.network.name, asset.id, asset.address, asset.symbol, asset.decimals, amount)
        step = note_stray(payment, stray, self.clock.now()) if amount > 0 else None
        if step is None:
            return None
        commit = self.recorder.step(payment, step, fence=fence)
        try:
            self.payments.commit(commit)
        except Stale:
            return None  # it moved on; the next look notes it
        self.log.warning(step.event or "", payment=payment.id, asset=asset.symbol, amount=str(amount))
        if commit.event:
            self.jobs.deliver([(payment.merchant_id, commit.event.ulid, 1)])
        return commit.after

    def _assets(self) -> list[Asset]:
        return [self.network.coin, *(token for token in self.network.tokens if token.enabled)]
