"""An instruction: a payout that a person sends, and what a transaction shows of that."""

from collections.abc import Sequence

from ctrip.domain.chains.chain import Receipt, Transfer
from ctrip.domain.chains.kinds import same
from ctrip.domain.settlement.payout import Payout

NAMED_MS = 86_400_000  # how long a transaction that no node shows is asked for, until somebody must name it again
SKEW_MS = 600_000  # a clock may be so wrong: a transaction before the instruction was not sent for it


def arrived(payout: Payout, senders: Sequence[str], receipt: Receipt, within: Sequence[Transfer] = ()) -> int:
    """Return what a transaction brought from one of `senders` (none: from anybody) to a payout's recipient.

    Whoever paid for the transaction: a contract's transfers are sent by others. Those of the coin stand in no receipt;
    `within` are the arrivals that a node's traces explain.
    """
    if not receipt.success:
        return 0
    if payout.token is not None:
        return sum(
            log.amount
            for log in receipt.token_transfers
            if same(log.token, payout.token) and same(log.to, payout.to) and _from(senders, log.sender)
        )
    if plain(payout, senders, receipt):
        return receipt.value
    return sum(
        each.amount
        for each in within
        if each.tx_hash is not None and each.tx_hash.lower() == receipt.tx_hash.lower() and _from(senders, each.sender)
    )


def plain(payout: Payout, senders: Sequence[str], receipt: Receipt) -> bool:
    """Whether the transaction itself is a transfer of coin from one of the senders to the recipient."""
    to = receipt.to is not None and same(receipt.to, payout.to)
    return to and _from(senders, receipt.sender)


def _from(senders: Sequence[str], sender: str | None) -> bool:
    return not senders or (sender is not None and any(same(each, sender) for each in senders))
