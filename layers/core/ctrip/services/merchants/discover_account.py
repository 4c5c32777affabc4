"""Find which addresses of a merchant's account were used before it came to us, as BIP-44 says, so that none is reused.

A merchant's own extended key may belong to a wallet that is in use: index 0 is its main account. After a restore, our
counters may be too low.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ctrip.domain.audit import Origin
from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import BalanceQuery
from ctrip.domain.chains.kinds import address_at, rules_of
from ctrip.domain.errors import ChainError, Unavailable
from ctrip.domain.merchants.access import AccountKey, Merchant
from ctrip.ports.chain import ChainReader
from ctrip.ports.merchants import AccessStore
from ctrip.ports.runtime import Clock
from ctrip.services.merchants.manage_merchants import change_merchant

GAP = 20  # BIP-44: as many unused addresses in a row end an account
FINDER = Origin("provision")
DISCOVERED = "merchant.discovered"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one chain shows of an address: each asset's balance by its symbol, and how much it has sent."""

    balances: tuple[tuple[str, int], ...]
    sent: int

    @property
    def used(self) -> bool:
        """Whether the address holds something, or has sent something."""
        return bool(self.sent or any(balance for _, balance in self.balances))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDiscoverer:
    """Looks at a merchant's addresses on every enabled chain; `open_chain` gives a chain's client by its name.

    A chain that does not answer is remembered for as long as this object lives, so that it is waited for once.
    """

    networks: Mapping[str, Network]
    open_chain: Callable[[str], ChainReader]
    access: AccessStore
    clock: Clock
    _opened: dict[str, ChainReader] = field(default_factory=dict)
    _silent: dict[str, ChainError] = field(default_factory=dict)

    def discover(self, merchant_id: str) -> None:
        """Start a merchant's counter after the last address that was used; raises `ChainError` where one is unknown.

        What was found up to then is kept, and the next call goes on behind it.
        """
        merchant = self.access.merchant(merchant_id)
        if merchant is None or not merchant.key_signature:
            return
        for key in merchant.keys:
            if key.signature and not key.discovered:
                self._discover(merchant_id, key)

    def _discover(self, merchant_id: str, key: AccountKey) -> None:
        first = self.access.indexes(merchant_id, key.curve)
        while (used := self._last_used(key, range(first, first + GAP))) is not None:
            first = used + 1
            self.access.raise_index(merchant_id, key.curve, first)

        def decide(now: Merchant) -> tuple[Merchant, str]:
            # What lies below belongs to the merchant's own wallet, and is no address that we gave out.
            held = now.key_on(key.curve) or key
            return now.with_key(
                replace(held, discovered=True, first_index=first if now.own_keys else held.first_index)
            ), DISCOVERED

        change_merchant(self.access, merchant_id, decide, FINDER, self.clock.now())

    def look(self, name: str, addresses: Sequence[str]) -> list[Seen]:
        """Ask one chain about addresses, at its newest block; raises `ChainError` where any answer is missing."""
        if name in self._silent:
            raise self._silent[name]
        try:
            chain = self._opened.get(name) or self._opened.setdefault(name, self.open_chain(name))
            return self._asked(self.networks[name], chain, addresses)
        except ChainError as exc:
            self._silent[name] = exc
            raise

    def _last_used(self, key: AccountKey, indexes: range) -> int | None:
        last = None
        for name, network in self.networks.items():
            rules = rules_of(network)
            if rules.curve != key.curve:
                continue
            addresses = [address_at(rules, key.xpub, index) for index in indexes]
            used = [index for index, seen in zip(indexes, self.look(name, addresses), strict=True) if seen.used]
            last = max([*used, *([] if last is None else [last])], default=None)
        return last

    def _asked(self, network: Network, chain: ChainReader, addresses: Sequence[str]) -> list[Seen]:
        head = chain.head()
        if self.clock.now() - head.time > network.head_age_alarm * 1000:
            raise Unavailable(f"{network.name}: the newest block is old, and what came since is unknown")
        assets = [network.coin, *network.tokens]  # a token that is not offered may lie there all the same
        balances = chain.balances(
            head, [BalanceQuery(address, asset.address) for address in addresses for asset in assets]
        )
        seen = []
        for place, address in enumerate(addresses):
            held = balances[place * len(assets) : (place + 1) * len(assets)]
            sent = chain.sent_by(address, head)
            known = [balance for balance in held if balance is not None]
            if sent is None or len(known) < len(assets):
                raise Unavailable(f"{network.name}: what an address holds is unknown")
            seen.append(Seen(tuple(zip((asset.symbol for asset in assets), known, strict=True)), sent))
        return seen
