"""What a payment needs before it can be paid on a chain: somebody who looks, a place for the money, a fresh address."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.kinds import ChainRules, address_at, address_path, rules_of
from ctrip.domain.detection.gates import Gate, Tip
from ctrip.domain.detection.readiness import closed_to_payments
from ctrip.domain.errors import Busy, ChainUnavailable, Conflict, Refusal
from ctrip.domain.merchants.access import Merchant
from ctrip.domain.merchants.vouching import verify_extended_key
from ctrip.domain.payments.payment import Custody
from ctrip.ports.merchants import AccessStore
from ctrip.ports.money import MoneyStore
from ctrip.ports.runtime import Clock, Log

if TYPE_CHECKING:
    from ctrip.ports.payouts import PayoutStore

GRACE_MS = 600_000  # the scanner goes on looking this long past a deadline, until the confirmed block has passed it
STRIDE_MS = 900_000
INDEXES_AT_A_TIME = 8
SEEN_MS = 5_000  # how long a process remembers whether a chain is paused or failing
RETRY_SECONDS = 30  # after which a chain that takes no payments may be asked again


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOpener:
    """Opens chains to payments; `verifying_key` is the signer's, which vouches for merchants' extended keys.

    `payouts` are asked for by who sweeps to a treasury of its own alone.
    """

    access: AccessStore
    money: MoneyStore
    payouts: "Callable[[], PayoutStore]"
    clock: Clock
    log: Log
    verifying_key: str
    _raised: dict[str, tuple[int, int]] = field(default_factory=dict)
    _seen: dict[str, tuple[int, Gate, Tip | None]] = field(default_factory=dict)
    _indexes: dict[tuple[str, str], deque[int]] = field(default_factory=dict)
    _treasuries: set[tuple[str, str]] = field(default_factory=set)

    def require_open(self, merchant: Merchant, network: Network) -> None:
        """Refuse what could not be received, swept or seen; raises `Conflict` and `ChainUnavailable`."""
        self._require_ready(merchant, network)
        self._require_treasury(merchant, network)
        self._require_chain(network)

    def require_any(self, merchant: Merchant, networks: Iterable[Network]) -> None:
        """Refuse where none of several chains is open; raises what stands against the last of them."""
        refused: Refusal | None = None
        for network in dict.fromkeys(networks):
            try:
                self.require_open(merchant, network)
            except (Conflict, ChainUnavailable) as exc:
                refused = exc
            else:
                return
        if refused is not None:
            raise refused

    def address(self, merchant: Merchant, network: Network) -> tuple[str, str]:
        """Return an address that was never given out, and the path of its key; raises `Busy`."""
        rules = rules_of(network)
        key = merchant.key_on(rules.curve)
        if key is None:
            raise Busy
        index = self._next_index(merchant.id, rules.curve)
        return address_at(rules, key.xpub, index), _path(rules, merchant, index)

    def _require_ready(self, merchant: Merchant, network: Network) -> None:
        """Refuse a merchant without an account, and one for whose extended key the signer does not vouch."""
        curve = rules_of(network).curve
        if merchant.own_keys and merchant.key_on(curve) is None:
            detail = f"The merchant has no extended key for {network.name}: it brought one for other chains."
            raise Conflict(detail, code="merchant_without_key")
        if not merchant.ready_on(curve):
            raise Conflict("The merchant is still being provisioned; try again shortly.", code="merchant_provisioning")
        if not verify_extended_key(merchant, self.verifying_key, curve):
            self.log.error("extended_key_mismatch", merchant=merchant.id)
            raise Conflict(
                "The merchant's extended key is not the one that the signer vouches for; no address is given out.",
                code="merchant_key_unverified",
            )

    def _require_treasury(self, merchant: Merchant, network: Network) -> None:
        """Refuse a payment that could be swept nowhere; a treasury that was set once is never taken away."""
        place = (merchant.id, network.name)
        if merchant.policy.custody is not Custody.DIRECT or place in self._treasuries:
            return
        if self.payouts().settlement_address(*place) is None:
            raise Conflict(
                f"You have no treasury on {network.name}, which payments are swept to; ask the operator to set one "
                f"(PUT /admin/api/merchants/{merchant.id}/treasuries/{network.name}, or ctrip merchants treasury).",
                code="treasury_missing",
            )
        self._treasuries.add(place)

    def _require_chain(self, network: Network) -> None:
        """Refuse a chain that is paused, or that nobody has been able to look at for long."""
        now, name = self.clock.now(), network.name
        read_at, gate, tip = self._seen.get(name, (-SEEN_MS, Gate(chain=name), None))
        if not read_at <= now < read_at + SEEN_MS:
            gate, tip = self.access.gates([name])[name], self.money.tips([name]).get(name)
            self._seen[name] = now, gate, tip
        if reason := closed_to_payments(network, gate, tip, now):
            raise ChainUnavailable(reason, retry_after=RETRY_SECONDS)

    def open_gate(self, network: Network, merchant: Merchant, expires_at: int) -> bool:
        """Keep the chain open for a payment; True when it was closed. What this process raised is remembered."""
        now, hot = self.clock.now(), expires_at + GRACE_MS
        warm = hot + merchant.policy.monitoring_seconds * 1000
        raised = self._raised.get(network.name, (0, 0))
        if hot <= raised[0] and warm <= raised[1]:
            return False
        # Rounded up, so that a shared item is not written by every creation.
        hot, warm = (-(-at // STRIDE_MS) * STRIDE_MS for at in (hot, warm))
        closed = self.access.raise_gate(network.name, hot_until=hot, warm_until=warm, now=now)
        self._raised[network.name] = (max(hot, raised[0]), max(warm, raised[1]))
        return closed

    def _next_index(self, merchant_id: str, curve: str) -> int:
        """Take an index from those this process holds: few enough to stay under a wallet's gap limit of 20."""
        held = self._indexes.setdefault((merchant_id, curve), deque())
        try:
            return held.popleft()
        except IndexError:
            first, *others = self.access.take_indexes(merchant_id, curve, INDEXES_AT_A_TIME)
            held.extend(others)
            return first


def _path(rules: ChainRules, merchant: Merchant, index: int) -> str:
    """Name the key behind an address; of a merchant's own key only the way below it is known, from `M` (BIP-32)."""
    return f"M/0/{index}" if merchant.own_keys else address_path(rules, merchant.account, index)
