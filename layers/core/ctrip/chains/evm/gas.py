"""What an own transaction offers for its gas, and when it is raised."""

from dataclasses import dataclass

from ctrip.chains.evm.terms import GasTerms, terms_of
from ctrip.domain.chains.assets import FeeFloor, Network
from ctrip.domain.chains.chain import Block
from ctrip.domain.chains.evm.transaction import Fees
from ctrip.domain.sweeping.sweep import OutgoingTransaction, Refusal

NO_FLOOR = FeeFloor()

# A transaction is replaced once so much time and so many blocks have gone by: money hurries no chain that stands still.
STUCK_BLOCKS = 10
LEAST_STUCK_MS = 10_000
BLOCKS_AT_LEAST = 3
SLOWER_EACH = 8  # attempts after which the time between two of them doubles
LONGEST_STUCK_MS = 3_600_000
# Attempts are all kept, as any of them may be mined. From here on each offers twice as much as the one before, so that
# the chain's cap ends them: 0.1 coin for 21,000 gas are 43 doublings of 1 wei.
STEEP_FROM = 16
MOST_ATTEMPTS = 64


@dataclass(frozen=True, slots=True)
class Price:
    """Base units per gas: the most that is paid, and what of it goes to the block's producer."""

    max_fee: int
    tip: int


def least_tip(fees: Fees, floor: FeeFloor) -> int:
    """Choose what the block's producer gets per gas: as suggested, and never under what nodes take, which is not 0."""
    return max(fees.priority, floor.tip, 1)


def max_fee(fees: Fees, floor: FeeFloor = NO_FLOOR) -> int:
    """Choose a fee per gas near the base fee, with room for one full block; a replacement does the rest."""
    return max(fees.base * 9 // 8 + least_tip(fees, floor), floor.fee)


def bumped(fee: int) -> int:
    """Raise a fee by the least that every node accepts as a replacement: 12.5 %, rounded up."""
    return -(-fee * 9 // 8)


def price(fees: Fees, floor: FeeFloor) -> Price:
    """Choose a price for a first attempt."""
    return Price(max_fee(fees, floor), least_tip(fees, floor))


def raised(transaction: OutgoingTransaction, fees: Fees, floor: FeeFloor, most: int, *, whole: bool) -> Price | None:
    """Return the price of a replacement; None where `most`, the highest fee per gas, leaves no room for one.

    With a named minimum at least that much, else at least an eighth more than today's price where nodes refused the
    last one. `whole`: the tip is the whole fee, as in the sweep of a coin.
    """
    last, today, refusal = terms_of(transaction.attempts[-1]), price(fees, floor), transaction.refusal
    times = len(transaction.attempts)
    named = (refusal.minimum or 0) if refusal and refusal.priced else 0
    refused = refusal is not None and refusal.priced and not named
    fee = max(grown(last.max_fee, times), named, bumped(today.max_fee) if refused else today.max_fee)
    tip = fee
    if not whole:
        tip = max(grown(last.priority_fee, times), bumped(today.tip) if refused else today.tip)
        if _about_tip(named, last, fees):
            tip = max(tip, named)
        fee = max(fee, fees.base * 9 // 8 + tip)
    if fee > most and (named > most or bumped(last.max_fee) > most):
        return None
    return Price(min(fee, most), min(tip, fee, most))


def _about_tip(named: int, last: GasTerms, fees: Fees) -> bool:
    """Whether a named minimum must be one of the tip: the fee was above it, or the base fee does not explain it."""
    return named > 0 and (last.max_fee >= named or named > fees.base * 9 // 8)


def grown(fee: int, times: int) -> int:
    """Raise a fee after so many attempts."""
    return bumped(fee) if times < STEEP_FROM else fee * 2


def patience_ms(network: Network, attempts: int) -> int:
    """Return how long an attempt may wait for a block before it is replaced; the longer, the more there were."""
    usual = max(LEAST_STUCK_MS, round(STUCK_BLOCKS * network.block_seconds * 1000))
    return min(usual << (attempts - 1) // SLOWER_EACH, max(LONGEST_STUCK_MS, usual))


def slow(transaction: OutgoingTransaction, network: Network, head: Block, now: int) -> bool:
    """Whether blocks have gone by without the last attempt for longer than is usual."""
    last = transaction.attempts[-1]
    waited = now - last.at >= patience_ms(network, len(transaction.attempts))
    return waited and head.number - last.head >= BLOCKS_AT_LEAST


def refused(transaction: OutgoingTransaction, head: Block) -> bool:
    """Whether nodes refused the price of the last attempt, and a block has come since."""
    return (
        transaction.refusal is not None and transaction.refusal.priced and head.number > transaction.attempts[-1].head
    )


def hopeless(refusal: Refusal | None) -> bool:
    """Whether nodes refused what a higher price makes worse: geth and its kin relay nothing dearer than 1 coin."""
    return refusal is not None and "configured cap" in refusal.reason
