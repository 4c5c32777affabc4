"""Networks and what can be paid on them."""

from dataclasses import dataclass

# Of a chain that names no caps of its own, in base units of its coin.
GAS_FUNDING_CAP = 10**16
FEE_CAP = 10**17


@dataclass(frozen=True, slots=True)
class Asset:
    """A coin (`address` is None) or a token of one chain; `id` is None for the coin.

    `sweep_floor` is the least amount for which a settled payment is swept once more. `coin_value` is how many base
    units of the coin one whole token is worth at least, None where nobody says.
    """

    chain: str
    symbol: str
    decimals: int
    id: str | None = None
    address: str | None = None
    enabled: bool = True
    sweep_floor: int = 0
    coin_value: int | None = None

    def worth(self, amount: int) -> int | None:
        """Return the least that `amount` is worth in the coin's base units; None where nobody says."""
        if self.address is None:
            return amount
        return None if self.coin_value is None else amount * self.coin_value // 10**self.decimals

    @property
    def key(self) -> str:
        """Name the asset within its chain, as the ledger and the queues do."""
        return self.id or "native"


@dataclass(frozen=True, slots=True)
class FeeFloor:
    """The least that a chain's nodes take, in base units per gas: as priority fee (`tip`) and as maximum (`fee`)."""

    tip: int = 0
    fee: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One enabled chain, as `chains.yaml` names it. Times are seconds.

    `gas_funding_cap` is the most that the gas station gives one address at a time, `fee_cap` the most that one own
    transaction may cost, both in base units of the coin. `gas_estimated`: a plain transfer costs more gas than 21,000,
    because what the layer below asks is part of it. `explorer` is empty where there is none. `testnet`: its coins are
    worth nothing.
    """

    name: str
    title: str
    kind: str  # one of the table `kinds`
    chain_id: int
    confirmations: int
    finality: str
    block_seconds: float
    poll_seconds: float
    head_age_alarm: int
    explorer: str
    rpc: tuple[str, ...]
    coin: Asset
    tokens: tuple[Asset, ...]
    gas_funding_cap: int = GAS_FUNDING_CAP
    fee_cap: int = FEE_CAP
    fee_floor: FeeFloor = FeeFloor()
    gas_estimated: bool = False
    testnet: bool = False

    def asset(self, token_id: str | None) -> Asset | None:
        """Find the coin (None) or an enabled token by its id."""
        if token_id is None:
            return self.coin
        return next((token for token in self.tokens if token.id == token_id and token.enabled), None)

    def asset_by_symbol(self, symbol: str) -> Asset | None:
        """Find the coin or an enabled token by its symbol."""
        every = (self.coin, *self.tokens)
        return next((asset for asset in every if asset.symbol == symbol and asset.enabled), None)
