"""Own transactions of one chain, planned and judged as its kind does it."""

from collections.abc import Sequence
from typing import Protocol

from ctrip.domain.chains.chain import BalanceQuery, Block
from ctrip.domain.sweeping.plan import Collection, Fate, Held, Order, Planned, Quote
from ctrip.domain.sweeping.sweep import OutgoingTransaction, Refusal


class Transfers(Protocol):
    """What a transaction costs, how it is made, when another is sent in its place, and what may still become of it.

    One for each job and each pass: what it learnt of the chain is asked for again once it is old. Nothing is signed,
    sent or stored here. Each method raises `ChainError` where no endpoint gives a usable answer.
    """

    def head(self) -> Block:
        """Return the newest block: balances are read at it."""
        ...

    def balances(self, *wanted: BalanceQuery) -> list[int] | None:
        """Return balances at the newest block; None where one of them is unknown, which is never zero."""
        ...

    def holdings(self, wanted: Sequence[BalanceQuery]) -> list[int | None]:
        """Return balances at the newest block, in the order asked; None is unknown, which is never zero."""
        ...

    # -- first attempts

    def price(self) -> int:
        """Return what a unit of the chain's work (gas) costs now, in base units of the coin."""
        ...

    def usual_cost(self, token: str | None, *, together: int = 0) -> int:
        """Return about what a sweep costs, without asking for it: with the coin that its address must be given.

        `together` is how many share one transaction, of which this is one's part; 0: it is swept alone.
        """
        ...

    def usual_payout(self, token: str | None) -> int:
        """Return about what a payout from the treasury costs, of the coin (None) or of a token."""
        ...

    @property
    def lends(self) -> bool:
        """Whether a gas station can lend an address what it needs, in place of giving it coin."""
        ...

    def quote(self, order: Order, coin: int, *, giver: str = "") -> Quote:
        """Say what a transfer costs whose sender holds so much coin; raises `Reverts` where the chain would refuse it.

        Of the coin, whatever the amount: all that is there is moved. `giver` would lend or give what the sender lacks.
        """
        ...

    def transfer(self, order: Order, quote: Quote, last: OutgoingTransaction | None) -> Planned | None:
        """Plan a transfer that was quoted, in the slot after the sender's `last`; None where nothing would be left.

        Raises `Unavailable` while the chain does not show the last one.
        """
        ...

    def quote_gift(self, order: Order, need: Quote) -> Quote:
        """Say what it costs the gas station to give an address what `need` says that it is short of.

        `gift` is then the coin that is given: no more than the order's amount, less where something else serves.
        """
        ...

    def give(self, order: Order, quote: Quote, last: OutgoingTransaction | None) -> Planned:
        """Plan such a gift; the order's amount is what the quote named."""
        ...

    def on_loan(self, station: str) -> list[str]:
        """Return the addresses that still have what the gas station lent them."""
        ...

    def take_back(self, station: str, address: str, last: OutgoingTransaction | None) -> Planned | None:
        """Plan to end a loan; None where there is none."""
        ...

    # -- many addresses at once

    def cannot_collect(self, to: str, operator: str) -> str:
        """Say why an operator cannot take tokens of many addresses at once to `to`; empty where it can."""
        ...

    def quote_collection(self, orders: Sequence[Order], operator: str) -> Collection:
        """Choose among orders of one token, the most important first, what one transaction can carry, and price it."""
        ...

    def next_slot(self, sender: str, last: OutgoingTransaction | None) -> str:
        """Return the slot after a sender's `last`; raises `Unavailable` while the chain does not show that one."""
        ...

    def collect(self, collection: Collection, operator: str, slot: str) -> Planned:
        """Plan what was quoted, or a part of it, in a slot."""
        ...

    # -- many recipients at once

    def cannot_pay_together(self, treasury: str) -> str:
        """Say why a treasury cannot pay many in one transaction; empty where it can."""
        ...

    def quote_payouts(self, orders: Sequence[Order]) -> Collection:
        """Choose among payouts of one asset, the oldest first, what one transaction pays for less than one for each.

        None where it saves nothing, and where the contract may not take the token yet.
        """
        ...

    def pay_together(self, collection: Collection, last: OutgoingTransaction | None) -> Planned:
        """Plan what was quoted, in the slot after the treasury's `last`."""
        ...

    def quote_allowance(self, treasury: str, token: str, count: int) -> Quote | None:
        """Say what it costs to let the contract take a token; None where it may, or so many do not pay for that."""
        ...

    def allow(self, treasury: str, token: str, quote: Quote, last: OutgoingTransaction | None) -> Planned:
        """Plan that."""
        ...

    # -- later attempts

    def in_turn(self, waiting: Sequence[OutgoingTransaction]) -> list[OutgoingTransaction]:
        """Choose those of a chain's waiting transactions for which no other one must be mined before."""
        ...

    def due(self, transaction: OutgoingTransaction, *, cancel: bool) -> bool:
        """Whether another attempt is to be made now: to do the same, or to move nothing (`cancel`)."""
        ...

    def requote(self, transaction: OutgoingTransaction, *, cancel: bool) -> Quote | None:
        """Say what another attempt costs; None where the chain's cap leaves no room for one."""
        ...

    def replacement(
        self, transaction: OutgoingTransaction, quote: Quote, held: Held, to: str, *, cancel: bool
    ) -> Planned | None:
        """Plan another attempt in the same slot: what is there now goes to `to`; None where the coin does not suffice.

        Where nothing is left to move it cancels.
        """
        ...

    def hopeless(self, refusal: Refusal) -> bool:
        """Whether nodes refused what another attempt makes worse."""
        ...

    # -- following

    def fate(self, transaction: OutgoingTransaction, head: Block, final: int) -> Fate:
        """Say what has become of a transaction that is in no block yet, or was lost, up to `head`.

        `final` is the height up to which blocks are final. The search for a missing receipt goes a step further.
        """
        ...

    def hurry(self, transaction: OutgoingTransaction, head: Block) -> bool:
        """Whether a job is to look after it; asked in each pass, true about once in the time that an attempt takes."""
        ...
