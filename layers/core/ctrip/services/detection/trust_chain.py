"""Whether a chain's answers may be acted on: the right network and tokens, a head that goes on, a final depth."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.chains.chain import BalanceQuery, Block
from ctrip.domain.detection.observe import Look
from ctrip.domain.payments.payment import Payment
from ctrip.ports.chain import Chain
from ctrip.ports.runtime import Clock, Log

REMEMBERED = 256  # heads whose hashes are kept, to tell a node that lags from a chain that was rolled back
OPINIONS = 2  # hosts that must agree on a large amount, one of which is not the one that answered first
PATIENCE = 2  # looks at a rolled-back head before it is believed


@dataclass(frozen=True, slots=True)
class Stance:
    """How far a head is believed.

    `newest`: it goes on from the newest block seen. `lags`: it is an older block of the same chain, good to look at,
    and no news. `rolled_back`: the chain itself went back. `waits`: none of these is certain yet.
    """

    newest: bool = False
    lags: bool = False
    rolled_back: bool = False

    @property
    def waits(self) -> bool:
        """Whether nothing may be looked at."""
        return not (self.newest or self.lags)


@dataclass(slots=True, kw_only=True)
class ChainTrust:
    """Judges one chain; `agree_above` is, by symbol, the amount from which a second provider must agree."""

    network: Network
    chain: Chain
    clock: Clock
    log: Log
    agree_above: Mapping[str, int]
    _checked: bool = False
    _unchecked: list[Asset] | None = None  # tokens that have not told their decimals yet; None: nobody was asked
    _aside: set[str] = field(default_factory=set)
    _heads: dict[int, str] = field(default_factory=dict)
    _behind: int = 0
    _stale: bool = False
    _asked: int = 0

    def check(self) -> None:
        """Compare the node's chain id, and the tokens' decimals, with the configuration.

        Raises `WrongChain`: this chain stops, and no other. A token with other decimals is set aside with an alarm; one
        that does not answer, such as a paused one, is asked again with growing pauses, and stops nobody.
        """
        if not self._checked:
            self.chain.chain_id()
            self._checked = True
        if self._unchecked is None:
            self._unchecked = [token for token in self.network.tokens if token.enabled and token.address]
        self._asked += 1
        # Each power of two: after 1, 2, 4, 8 ... passes.
        if not self._unchecked or self._asked & (self._asked - 1):
            return
        answers = self.chain.decimals([token.address or "" for token in self._unchecked])
        silent = []
        for token, answer in zip(self._unchecked, answers, strict=True):
            if answer is None:
                silent.append(token)
                self.log.warning("no_decimals", chain=self.network.name, asset=token.symbol)
            elif answer != token.decimals:
                self._aside.add(token.address or "")
                self.log.error("wrong_decimals", chain=self.network.name, asset=token.symbol, answered=answer)
        self._unchecked = silent

    def set_aside(self, token: str | None) -> bool:
        """Whether nothing may be decided about a token: its contract has other decimals than the configuration."""
        return token in self._aside

    def judge(self, head: Block, stored: Block | None = None) -> Stance:
        """Say how far this head is believed: at or past the newest one, behind it, or of a chain that was rolled back.

        A node that merely lags shows a block that we have seen under the same hash, or one that we have not seen.
        `stored` is the newest block of the scanner before us, all that a new process knows.
        """
        self._watch_age(head)
        if stored and not self._heads:
            self._heads[stored.number] = stored.hash
        newest = max(self._heads, default=head.number)
        rolled_back = False
        if head.number < newest:
            self._behind += 1
            if self._lags(head, newest):
                self.log.info("head_behind", chain=self.network.name, head=head.number, newest=newest)
                return Stance(lags=True)
            if self._behind < PATIENCE:
                return Stance()
            rolled_back = True
            self.log.warning("head_rolled_back", chain=self.network.name, head=head.number, newest=newest)
        self._behind = 0
        self._heads = {n: h for n, h in self._heads.items() if head.number - REMEMBERED < n < head.number}
        self._heads[head.number] = head.hash
        return Stance(newest=True, rolled_back=rolled_back)

    def _lags(self, head: Block, newest: int) -> bool:
        known = self._heads.get(head.number)
        if known is not None:
            return known == head.hash
        # A chain that was rolled back soon passes the old height; one that is further behind, and fresh, never had it.
        return self._stale or newest - head.number <= REMEMBERED

    def final_height(self, head: Block) -> int:
        """Return the height up to which the chain's own finality reaches; the head where depth alone counts."""
        if self.network.finality == "depth":
            return head.number
        block = self.chain.tagged(self.network.finality)
        return block.number if block else -1

    def agreed(self, payment: Payment, look: Look) -> bool:
        """Ask two hosts before a large amount is confirmed; without a second one, it waits."""
        least = self.agree_above.get(payment.due.symbol)
        confirmed = look.confirmed or 0
        if least is None or confirmed < least or confirmed <= payment.own.credited:
            return True
        opinions = self.chain.opinions(look.head, BalanceQuery(payment.due.address, payment.due.token_address))
        own = payment.net_moves(payment.due.token_address, look.head.number) + look.baseline
        if any(balance - own != look.received for _, balance in opinions):
            self.log.error("providers_disagree", payment=payment.id, chain=self.network.name)
            return False
        if len({host for host, _ in opinions}) < OPINIONS:
            self.log.warning("no_second_opinion", payment=payment.id, chain=self.network.name)
            return False
        return True

    def _watch_age(self, head: Block) -> None:
        age = self.clock.now() - head.time
        stale = age > self.network.head_age_alarm * 1000
        if stale and not self._stale:
            self.log.error("stale_head", chain=self.network.name, head=head.number, age_seconds=age // 1000)
        self._stale = stale
