"""Find money that nobody asked for: other assets and other chains at our addresses, and what comes after the end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.chains.chain import Arrivals, BalanceQuery, Block
from ctrip.domain.chains.kinds import address_at, rules_of, same
from ctrip.domain.detection.gates import Round
from ctrip.domain.detection.strays import explain_stray, note_stray
from ctrip.domain.detection.watch import Watch
from ctrip.domain.errors import Busy, ChainError, FenceLost, Stale
from ctrip.domain.merchants.access import AccountKey, Merchant
from ctrip.domain.payments.payment import Payment, Tier, UnexpectedDeposit
from ctrip.ports.chain import Chain
from ctrip.ports.gates import Fence
from ctrip.ports.jobs import Jobs
from ctrip.ports.merchants import AccessStore
from ctrip.ports.payments import PaymentStore
from ctrip.ports.runtime import Clock, Log
from ctrip.services.detection.find_blocks import BlockFinder
from ctrip.services.shared.notify import commit_and_notify
from ctrip.services.shared.recording import Recorder

MINUTE_MS = 60_000
REMEMBERED = 10_000  # strays whose next question is remembered
CHUNK = 2_000  # addresses of the daily round in one pass
EXPLAIN_MS = (60_000, 300_000, 1_800_000, 7_200_000)  # between two questions about what brought a stray
PAGE = 500  # addresses that are kept together, once all of them have been given out


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositFinder:
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
    finder: BlockFinder
    _asked: dict[tuple[str, str | None, int], tuple[int, int]] = field(default_factory=dict)

    def beside(
        self,
        watched: Sequence[Watch],
        former: Sequence[Watch],
        at: Block,
        fence: Fence,
        *,
        unsure: frozenset[str] = frozenset(),
    ) -> list[Payment]:
        """Look for this chain's other assets at watched addresses; return the payments that changed.

        At those of `former`, whose payers have chosen another chain since, every asset is looked for. Those in `unsure`
        have an own transaction whose fate nobody can tell: what it brought is not a stranger's.
        """
        wanted = [
            (row, asset)
            for row in watched
            if row.id not in unsure
            for asset in self._assets()
            if asset.address != row.token
        ]
        wanted += [(row, asset) for row in former if row.id not in unsure for asset in self._assets()]
        if not wanted:
            return []
        at, balances = self._balances(at, [BalanceQuery(row.address, asset.address) for row, asset in wanted])
        found = [(row, asset, balance) for (row, asset), balance in zip(wanted, balances, strict=True) if balance]
        payments = self.payments.read(list({row.id for row, _, _ in found})) if found else {}
        changed: dict[str, Payment] = {}
        for row, asset, balance in found:
            payment = changed.get(row.id) or payments.get(row.id)
            if payment is None:
                continue
            here = payment.due.chain == self.network.name and same(row.address, payment.due.address)
            if here and row in former:
                continue  # the payer has come back to this chain, and the payment is watched as the others are
            if here and (payment.own.pending is not None or asset.address == payment.due.token_address):
                # The gas that we send is ours only once its receipt is there; what is due by now is no mistake, though
                # the row is of what the payer had chosen before.
                continue
            # Our own moves are all on the chain that the payment is due on.
            amount = balance - (payment.net_moves(asset.address, at.number) if here else 0)
            if (after := self._apart(payment, self._stray(asset, amount, row.address), at, fence)) is not None:
                changed[payment.id] = after
        return list(changed.values())

    def daily(self, at: Block, fence: Fence, *, unsure: frozenset[str] = frozenset()) -> list[Payment]:
        """Go one chunk further in the round over every address ever given out; return the payments that changed."""
        progress = self.access.round(self.network.name)
        merchant = self._merchant(progress)
        if merchant is None:
            self.access.advance_round(Round(chain=self.network.name), next_daily_at=self.clock.now() + self.daily_ms)
            return []
        given = self._given(merchant)
        last = min(given, progress.index + CHUNK)
        changed = self._look_at(merchant, range(progress.index, last), at, fence, unsure)
        upcoming = Round(chain=self.network.name, merchant_id=merchant.id, index=last)
        self.access.advance_round(upcoming, next_daily_at=None)
        return changed

    def _merchant(self, progress: Round) -> Merchant | None:
        """Return the merchant whose addresses are next; None when every merchant has been looked at."""
        current = self.access.merchant(progress.merchant_id) if progress.merchant_id else None
        if current and progress.index < self._given(current):
            return current
        following = self.access.merchants(progress.merchant_id, 1)
        return following[0] if following else None

    def _given(self, merchant: Merchant) -> int:
        """Return up to which index a merchant's addresses of this kind were given out."""
        curve = rules_of(self.network).curve
        return self.access.indexes(merchant.id, curve) if merchant.key_on(curve) else 0

    def _look_at(
        self, merchant: Merchant, indexes: range, at: Block, fence: Fence, unsure: frozenset[str]
    ) -> list[Payment]:
        addresses = self._addresses(merchant, indexes)
        assets = self._assets()
        wanted = [BalanceQuery(address, asset.address) for asset in assets for address in addresses]
        at, balances = self._balances(at, wanted)
        changed = []
        for place, balance in enumerate(balances):
            if balance:
                asset = assets[place // len(addresses)]
                address = wanted[place].address
                for payment, amount in self._at_address(address, asset, balance, at, unsure):
                    if (after := self._apart(payment, self._stray(asset, amount, address), at, fence)) is not None:
                        changed.append(after)
        return changed

    def _balances(self, at: Block, wanted: Sequence[BalanceQuery]) -> tuple[Block, list[int | None]]:
        """Read balances; return the newest block that one of them is of, too.

        A chain that shows its newest state alone may go on meanwhile: the rest is asked for at its new block, as long
        as that tells of some. What is unknown would be passed over until the next round.
        """
        found = list(self.chain.balances(at, wanted)) if wanted else []
        left = [place for place, balance in enumerate(found) if balance is None]
        while left and rules_of(self.network).seen_final and (newer := self.chain.head()).number > at.number:
            at = newer
            for place, balance in zip(left, self.chain.balances(at, [wanted[each] for each in left]), strict=True):
                found[place] = balance
            still = [place for place in left if found[place] is None]
            if len(still) == len(left):
                break
            left = still
        return at, found

    def _addresses(self, merchant: Merchant, indexes: range) -> list[str]:
        """Return the addresses of these indexes: what never changes is derived once, and then kept by the page."""
        keys = merchant.all_keys_on(rules_of(self.network).curve)
        return [address for key in keys for address in self._addresses_of(merchant, key, _given_by(key, indexes))]

    def _addresses_of(self, merchant: Merchant, key: AccountKey, indexes: range) -> list[str]:
        found: list[str] = []
        rules = rules_of(self.network)
        pages_of = rules.curve if key.version == 1 else f"{rules.curve}.{key.version}"
        for page in range(indexes.start // PAGE, -(-indexes.stop // PAGE) if indexes else 0):
            first = page * PAGE
            held = self.access.addresses(merchant.id, pages_of, page)
            if held is None:
                page_of = range(first, min(first + PAGE, indexes.stop))
                held = [address_at(rules, key.xpub, index) for index in page_of]
                if len(held) == PAGE:
                    self.access.keep_addresses(merchant.id, pages_of, page, held)
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
        if payment.due.chain == self.network.name:
            if payment.own.pending is not None or payment.id in unsure:
                return  # what we move ourselves is told apart by its receipt; the next round looks again
            balance -= payment.net_moves(asset.address, at.number)
            if asset.address == payment.due.token_address:
                if payment.tier is not Tier.CLOSED:
                    return  # the scanner's own business
                balance -= payment.seen.amount_received + (payment.seen.baseline or 0)
        yield payment, balance

    def _stray(self, asset: Asset, amount: int, address: str) -> UnexpectedDeposit:
        return UnexpectedDeposit(
            self.network.name, asset.id, asset.address, asset.symbol, asset.decimals, amount, address=address
        )

    def _apart(self, payment: Payment, stray: UnexpectedDeposit, at: Block, fence: Fence) -> Payment | None:
        """Note what was found at one address; its trouble is no other's, and the next round looks again."""
        try:
            return self._note(payment, stray, at, fence)
        except FenceLost:
            raise
        except (Busy, ChainError, Stale) as exc:
            self.log.info("noted_later", payment=payment.id, error=str(exc))
        except Exception as exc:  # a bug, or an item that cannot be read: it must not stop a chain
            self.log.error("payment_broken", payment=payment.id, kind=type(exc).__name__, error=str(exc))
        return None

    def _note(self, payment: Payment, stray: UnexpectedDeposit, at: Block, fence: Fence) -> Payment | None:
        known = next((held for held in payment.seen.strays if held.key == stray.key), None)
        if stray.amount <= (known.amount if known else 0) and (known is None or known.tx_hash):
            return None
        stray, now = self._explained(payment, stray, at), self.clock.now()
        step = note_stray(payment, stray, now) or explain_stray(payment, stray, now)
        if step is None or stray.amount <= 0:
            return None
        commit = self.recorder.step(payment, step, fence=fence)
        noted = commit_and_notify(self.payments, self.jobs, commit)
        self.log.warning(step.event or "", payment=payment.id, asset=stray.symbol, amount=str(stray.amount))
        return noted

    def _explained(self, payment: Payment, stray: UnexpectedDeposit, at: Block) -> UnexpectedDeposit:
        """Ask what brought it, since the payment's creation; again after growing pauses, of another endpoint."""
        key, now = (payment.id, stray.token_id, stray.amount), self.clock.now()
        tries, due = self._asked.get(key, (0, 0))
        if now < due:
            return stray
        if len(self._asked) >= REMEMBERED:
            self._asked.clear()
        self._asked[key] = (tries + 1, now + EXPLAIN_MS[min(tries, len(EXPLAIN_MS) - 1)])
        try:
            first = self.finder.last_by(payment.times.created_at - MINUTE_MS, at, settled=at.number)
            question = Arrivals(stray.address, stray.token, first.number if first else 0)
            (found,) = self.chain.transfers([question], at.number, turn=tries)
        except ChainError as exc:
            self.log.info("unexplained", payment=payment.id, error=str(exc))
            return stray
        return replace(stray, tx_hash=found[-1].tx_hash, sender=found[-1].sender) if found else stray

    def _assets(self) -> list[Asset]:
        return [self.network.coin, *(token for token in self.network.tokens if token.enabled)]


def _given_by(key: AccountKey, indexes: range) -> range:
    """Return those indexes whose addresses come from a key: a merchant's own wallet had used some before it came."""
    first = max(indexes.start, key.first_index)
    last = min(indexes.stop, key.until_index) if key.until_index else indexes.stop
    return range(first, max(first, last))
