"""What a stage asks of payouts of one asset: fees, approvals, limits."""

from collections.abc import Mapping
from dataclasses import dataclass

from ctrip.domain.settings import by_asset, whole_numbers

UNLIMITED = 2**256 - 1
SETTING = "CTRIP_PAYOUTS"
SUCH_AS = '{"ethereum": {"USDC": {"fee_per_mille": 5}}}'
PERSONS = 2  # who must approve an amount above the threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRules:
    """The rules of one asset, in base units.

    `fee_per_mille` and `fee_fixed` are the operator's part of a settlement; refunds are free. An amount above
    `approval_above` waits for two persons. `minimum` is the least that is paid out; `per_transaction` and `per_day`
    are what the signer signs at most.
    """

    fee_per_mille: int = 0
    fee_fixed: int = 0
    approval_above: int = 0
    minimum: int = 1
    per_transaction: int = UNLIMITED
    per_day: int = UNLIMITED

    def fee(self, amount: int) -> int:
        """Return the operator's part of a settlement, rounded down."""
        return amount * self.fee_per_mille // 1000 + self.fee_fixed

    def least_amount(self, net: int) -> int | None:
        """Return the least amount of a settlement of which so much is left to send; None where the fee takes all."""
        if self.fee_per_mille == 1000:
            return None
        return (net + self.fee_fixed - 1) * 1000 // (1000 - self.fee_per_mille) + 1

    def approvals(self, amount: int) -> int:
        """Return how many persons must approve an amount."""
        return PERSONS if amount > self.approval_above else 0


def parse_rules(text: str) -> dict[str, dict[str, PayoutRules]]:
    """Read the setting: rules by chain and symbol; raises ValueError."""
    return by_asset(text, SUCH_AS, _rules)


def _rules(where: str, held: object) -> PayoutRules:
    return PayoutRules(**whole_numbers(where, held, PayoutRules, {"fee_per_mille": (0, 1000)}))


def rules_for(rules: Mapping[str, Mapping[str, PayoutRules]], chain: str, symbol: str, *, local: bool) -> PayoutRules:
    """Return the rules of an asset; where nothing is set two persons approve, but on the local stage nobody has to."""
    found = rules.get(chain, {}).get(symbol)
    return found or PayoutRules(approval_above=UNLIMITED if local else 0)
