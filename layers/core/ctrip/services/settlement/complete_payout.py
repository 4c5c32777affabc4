"""Complete a payout that a person has sent from a treasury whose key is not here: by what the chain shows of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ctrip.domain.audit import Origin
from ctrip.domain.chains.assets import Network
from ctrip.domain.errors import AlreadyExists, Conflict, Stale
from ctrip.domain.settlement.payout import Booking, Payout, Trigger, gas, moved, moved_on, paid
from ctrip.ports import Chain, Clock, Jobs, PayoutCommit, PayoutStore
from ctrip.services.settlement.decide_payout import PayoutDecider
from ctrip.services.settlement.payout_events import PayoutReporter
from ctrip.services.shared.notify import notify


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutCompleter:
    """Completes payouts that wait for a transfer; `treasury_of` names a chain's treasury."""

    networks: Mapping[str, Network]
    open_chain: Callable[[str], Chain]
    treasury_of: Callable[[Network], str]
    payouts: PayoutStore
    decider: PayoutDecider
    clock: Clock
    jobs: Jobs
    reporter: PayoutReporter

    def complete(self, merchant_id: str, payout_id: str, tx_hash: str, origin: Origin) -> Payout:
        """End a payout by the transaction that sent it; a transaction completes one payout alone.

        Raises `NotFound`, `ChainError`, and `Conflict` where it waits for no transfer, where the transaction is not
        final or not known, and where it did not bring what is owed from the treasury to the payout's address.
        """
        before, now = self.decider.find(merchant_id, payout_id), self.clock.now()
        network = self.networks.get(before.chain)
        if network is None:
            raise Conflict(f"{before.chain} is not enabled here.", code="unsupported_chain")
        done = moved_on(before, Trigger.COMPLETED, now, tx_hash=tx_hash.lower(), booking=Booking.CLOSED)
        chain = self.open_chain(network.name)
        receipt = chain.receipt(tx_hash)
        if receipt is None or receipt.block_number > _final(chain, network):
            raise Conflict(
                "The transaction is not known, or not final yet; try again later.", code="payout_not_changeable"
            )
        arrived = moved(before, self.treasury_of(network), receipt)
        if arrived != before.net:
            raise Conflict(
                f"It brought {arrived} base units from the treasury to {before.to}, and not {before.net}.",
                code="payout_not_changeable",
            )
        cost = (gas(before, receipt.fee, now, receipt.tx_hash),) if receipt.fee else ()
        event = self.reporter.event("completed", done, origin.request_id)
        commit = PayoutCommit(
            before=before,
            after=done,
            event=event,
            entries=(*paid(before, now, receipt.tx_hash), *cost),
            sent_by=receipt.tx_hash,
        )
        try:
            self.payouts.commit(commit)
        except AlreadyExists as exc:
            raise Conflict("The transaction has completed another payout.", code="payout_not_changeable") from exc
        except Stale as exc:
            raise Conflict("The payout is changing; read it and try again.", code="payout_changed") from exc
        notify(self.jobs, [event])
        return done


def _final(chain: Chain, network: Network) -> int:
    """Return the height up to which blocks are final, by depth and by the chain's own word."""
    deep = chain.head().number - network.confirmations + 1
    if network.finality == "depth":
        return deep
    told = chain.tagged(network.finality)
    return min(deep, told.number) if told is not None else -1
