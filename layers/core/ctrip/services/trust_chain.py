"""Whether a chain's answers may be acted on: the right network and tokens, a head that goes on, a final depth."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ctrip.domain.assets import Network
from ctrip.domain.chain import Block, Holding
from ctrip.domain.errors import ConfigurationError
from ctrip.domain.observe import Look
from ctrip.domain.payment import Payment
from ctrip.ports import Chain, Clock, Log

REMEMBERED = 256  # heads whose hashes are kept, to tell a node that lags from a chain that was rolled back
OPINIONS = 2  # hosts that must agree on a large amount, one of which is not the one that answered first
PATIENCE = 2  # looks at a rolled-back head before it is believed


@dataclass(slots=True, kw_only=True)
class ChainTrust:
    """Judges one chain; `agree_above` is, by symbol, the amount from which a second provider must agree."""

    network: Network
    chain: Chain
    clock: Clock
    log: Log
    agree_above: Mapping[str, int]
    _checked: bool = False
    _heads: dict[int, str] = field(default_factory=dict)
    _behind: int = 0
    _stale: bool = False

    def check_once(self) -> None:
        """Compare the node's chain id and the tokens' decimals with the configuration.

        Raises `WrongChain` or `ConfigurationError`, with an alarm: this chain stops, and no other.
        """
        if self._checked:
            return
        self.chain.chain_id()
        tokens = [token for token in self.network.tokens if token.enabled and token.address]
        answers = self.chain.decimals([token.address or "" for token in tokens])
        for token, answer in zip(tokens, answers, strict=True):
            if answer != token.decimals:
                self.log.error("wrong_decimals", chain=self.network.name, asset=token.symbol, answered=answer)
                raise ConfigurationError(
                    f"{token.symbol} on {self.network.name} has {answer} decimals, not {token.decimals}"
                )
        self._checked = True

    def believable(self, head: Block, stored: Block | None = None) -> bool:
        """Whether this head may be worked with: at or past the newest one, or the head of a chain that was rolled back.

        A node that merely lags is waited for: it shows a block that we have seen under the same hash, or one that we
        have not seen. `stored` is the newest block of the scanner before us, all that a new process knows.
        """
        self._watch_age(head)
        if stored and not self._heads:
            self._heads[stored.number] = stored.hash
        newest = max(self._heads, default=head.number)
        if head.number < newest:
            self._behind += 1
            if self._lags(head, newest) or self._behind < PATIENCE:
                self.log.info("head_behind", chain=self.network.name, head=head.number, newest=newest)
                return False
            self.log.warning("head_rolled_back", chain=self.network.name, head=head.number, newest=newest)
        self._behind = 0
        self._heads = {n: h for n, h in self._heads.items() if head.number - REMEMBERED < n < head.number}
        self._heads[head.number] = head.hash
        return True

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
        least = self.agree_above.get(payment.symbol)
        confirmed = look.confirmed or 0
        if least is None or confirmed < least or confirmed <= payment.credited:
            return True
        opinions = self.chain.opinions(look.head, Holding(payment.address, payment.token_address))
        own = payment.net_moves(payment.token_address, look.head.number)
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
