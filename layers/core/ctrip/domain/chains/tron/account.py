"""What Tron's nodes say of an account, and what work costs: amounts are sun, a millionth of a TRX."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as a full node shows it, with what it may still use up.

    One that is not `activated` cannot send: the first coin that comes activates it. `bandwidth` is how many bytes its
    next transaction may have at no cost. `foreign`: somebody else's key may sign for it.
    """

    address: str
    activated: bool = False
    balance: int = 0
    bandwidth: int = 0
    energy: int = 0
    foreign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What is burnt for a unit of energy, for a byte, and for the first transfer to an address."""

    energy: int
    byte: int
    activation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """What an account may lend of its staked energy: at most `lendable` sun of stake, each worth some energy.

    `energy_limit` is the energy of the whole network, `energy_weight` the TRX that are staked for it.
    """

    lendable: int = 0
    energy_limit: int = 0
    energy_weight: int = 0

    def for_energy(self, energy: int) -> int | None:
        """Return the sun of stake that lend so much energy, one TRX at least; None where nobody has staked."""
        if not self.energy_limit or not self.energy_weight:
            return None
        return max(-(-energy * self.energy_weight * 10**6 // self.energy_limit), 10**6)
