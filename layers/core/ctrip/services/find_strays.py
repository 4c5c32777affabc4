"""Find money that nobody asked for: other assets and other chains at our addresses, and what comes after the end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ctrip.domain.access import Merchant, Round
from ctrip.domain.assets import Asset, Network
from ctrip.domain.chain import Block, Holding
from ctrip.domain.decide import note_stray
from ctrip.domain.errors import Busy, ChainError, FenceLost, Stale
from ctrip.domain.keys import ExtendedKey
from ctrip.domain.payment import Payment, Stray, Tier
from ctrip.domain.watch import Watch
from ctrip.ports import AccessStore, Chain, Clock, Fence, Jobs, Log, PaymentStore
from ctrip.services.recording import Recorder

CHUNK = 2_000  # addresses of the daily round in one pass
PAGE = 500  # addresses that are kept together, once all of them have been given out


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

    def beside(
        self, watched: Sequence[Watch], at: Block, fence: Fence, *, unsure: frozenset[str] = frozenset()
    ) -> list[Payment]:
        """Look for this chain's other assets at watched addresses; return the payments that changed.

        Those in `unsure` have an own transaction whose fate nobody can tell: what it brought is not a stranger's.
        """
        wanted = [
            (row, asset)
            for row in watched
            if row.id not in unsure
            for asset in self._assets()
            if asset.address != row.token
        ]
        if not wanted:
            return []
        balances = self.chain.balances(at, [Holding(row.address, asset.address) for row, asset in wanted])
        found = [(row, asset, balance) for (row, asset), balance in zip(wanted, balances, strict=True) if balance]
        payments = self.payments.read(list({row.id for row, _, _ in found})) if found else {}
        changed: dict[str, Payment] = {}
        for row, asset, balance in found:
            payment = changed.get(row.id) or payments.get(row.id)
            if payment is None or payment.pending is not None:
                continue  # the gas that we send is ours only once its receipt is there
            stray = balance - payment.net_moves(asset.address, at.number)
            if (after := self._apart(payment, asset, stray, fence)) is not None:
                changed[payment.id] = after
        return list(changed.values())

    def daily(self, at: Block, fence: Fence, *, unsure: frozenset[str] = frozenset()) -> list[Payment]:
        """Go one chunk further in the round over every address ever given out; return the payments that changed."""
        progress = self.access.round(self.network.name)
        merchant = self._merchant(progress)
        if merchant is None:
            self.access.advance_round(Round(chain=self.network.name), next_daily_at=self.clock.now() + self.daily_ms)
            return []
        given = self.access.indexes(merchant.id, "evm") if merchant.xpub else 0
        last = min(given, progress.index + CHUNK)
        changed = self._look_at(merchant, range(progress.index, last), at, fence, unsure)
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

    def _look_at(
        self, merchant: Merchant, indexes: range, at: Block, fence: Fence, unsure: frozenset[str]
    ) -> list[Payment]:
        addresses = self._addresses(merchant, indexes)
        assets = self._assets()
        wanted = [Holding(address, asset.address) for asset in assets for address in addresses]
        balances = self.chain.balances(at, wanted) if wanted else []
        changed = []
        for place, balance in enumerate(balances):
            if balance:
                asset = assets[place // len(addresses)]
                found = self._at_address(wanted[place].address, asset, balance, at, unsure)
                for payment, stray in found:
                    if (after := self._apart(payment, asset, stray, fence)) is not None:
                        changed.append(after)
        return changed

    def _addresses(self, merchant: Merchant, indexes: range) -> list[str]:
        """Return the addresses of these indexes: what never changes is derived once, and then kept by the page."""
        found: list[str] = []
        for page in range(indexes.start // PAGE, -(-indexes.stop // PAGE) if indexes else 0):
            first = page * PAGE
            held = self.access.addresses(merchant.id, "evm", page)
            if held is None:
                branch = ExtendedKey.parse(merchant.xpub).child(0)
                held = [branch.child(index).address() for index in range(first, min(first + PAGE, indexes.stop))]
                if len(held) == PAGE:
                    self.access.keep_addresses(merchant.id, "evm", page, held)
            found += held[max(indexes.start - first, 0) : max(indexes.stop - first, 0)]
        return found

    def _at_address(
        self, address: str, asset: Asset, balance: int, at: Block, unsure: frozenset[str]
    ) -> Iterator[tuple[Payment, int]]:
        payment_id = self.payments.by_address(address)
        payment = self.payments.get(payment_id) if payment_id else None
        if payment is None:
            self.log.error("unissued_address_funded", address=address, asset=asset.symbol, amount=str(balance))
            return
        if payment.chain == self.network.name:
            if payment.pending is not None or payment.id in unsure:
                return  # what we move ourselves is told apart by its receipt; the next round looks again
            balance -= payment.net_moves(asset.address, at.number)
            if asset.address == payment.token_address:
                if payment.tier is not Tier.CLOSED:
                    return  # the scanner's own business
                balance -= payment.amount_received + (payment.baseline or 0)
        yield payment, balance

    def _apart(self, payment: Payment, asset: Asset, amount: int, fence: Fence) -> Payment | None:
        """Note what was found at one address; its trouble is no other's, and the next round looks again."""
        try:
            return self._note(payment, asset, amount, fence)
        except FenceLost:
            raise
        except (Busy, ChainError, Stale) as exc:
            self.log.info("noted_later", payment=payment.id, error=str(exc))
        except Exception as exc:  # a bug, or an item that cannot be read: it must not stop a chain
            self.log.error("payment_broken", payment=payment.id, kind=type(exc).__name__, error=str(exc))
        return None

    def _note(self, payment: Payment, asset: Asset, amount: int, fence: Fence) -> Payment | None:
        stray = Stray(self.network.name, asset.id, asset.address, asset.symbol, asset.decimals, amount)
        step = note_stray(payment, stray, self.clock.now()) if amount > 0 else None
        if step is None:
            return None
        commit = self.recorder.step(payment, step, fence=fence)
        self.payments.commit(commit)
        self.log.warning(step.event or "", payment=payment.id, asset=asset.symbol, amount=str(amount))
        if commit.event:
            self.jobs.deliver([(payment.merchant_id, commit.event.ulid, 1)])
        return commit.after

    def _assets(self) -> list[Asset]:
        return [self.network.coin, *(token for token in self.network.tokens if token.enabled)]
