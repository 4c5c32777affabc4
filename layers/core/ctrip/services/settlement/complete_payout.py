"""Complete a payout that a person has sent from a treasury whose key is not here: by what the chain shows of it."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from ctrip.domain.audit import Origin
from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import Arrivals, Receipt
from ctrip.domain.chains.kinds import same
from ctrip.domain.errors import AlreadyExists, ChainError, Conflict, Stale
from ctrip.domain.settlement.instruction import NAMED_MS, SKEW_MS, arrived, plain
from ctrip.domain.settlement.payout import Booking, Payout, Source, Trigger, changed, gas, moved_on, paid
from ctrip.ports.chain import Chain
from ctrip.ports.jobs import Jobs
from ctrip.ports.payouts import PayoutCommit, PayoutStore
from ctrip.ports.runtime import Clock, Log
from ctrip.services.settlement.decide_payout import PayoutDecider
from ctrip.services.settlement.payout_events import PayoutReporter
from ctrip.services.shared.notify import notify


class _Refuted(Exception):
    """The transaction is final and is not the payout's; the sentence says why."""


class _Unknown(Exception):
    """Nothing can be said yet; the sentence says what is missing."""


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
    log: Log
    reporter: PayoutReporter

    def complete(self, merchant_id: str, payout_id: str, tx_hash: str, origin: Origin) -> Payout:
        """End a payout by the transaction that sent it; a transaction completes one payout alone.

        Raises `NotFound`, `ChainError`, and `Conflict` where it waits for no transfer, where the transaction is not
        final or not known, and where it did not bring what is owed from the treasury to the payout's address.
        """
        before = self.decider.find(merchant_id, payout_id)
        if before.chain not in self.networks:
            raise Conflict(f"{before.chain} is not enabled here.", code="unsupported_chain")
        moved_on(before, Trigger.COMPLETED, self.clock.now())  # before anybody is asked
        try:
            return self._completed(before, tx_hash, origin.request_id)
        except (_Refuted, _Unknown) as exc:
            raise Conflict(str(exc), code="payout_not_changeable") from exc
        except Stale as exc:
            raise Conflict("The payout is changing; read it and try again.", code="payout_changed") from exc

    def follow(self, payout: Payout) -> Payout:
        """Compare the transaction that somebody has named; return the payout after that.

        What is unknown is asked again with the next run, for a day; then, and where it is another's transaction, it
        must be named anew. Raises `ChainError` and `Stale`.
        """
        if payout.chain not in self.networks:
            return payout
        try:
            return self._completed(payout, payout.named, "")
        except _Refuted as exc:
            return self._not_sent(payout, str(exc))
        except _Unknown as exc:
            self.log.info("transfer_not_final", payout=payout.id, tx_hash=payout.named, error=str(exc))
            overdue = self.clock.now() - payout.named_at >= NAMED_MS
            return self._not_sent(payout, f"{exc} It is not asked for any more; name it again.") if overdue else payout

    def _completed(self, before: Payout, tx_hash: str, request_id: str) -> Payout:
        network, now = self.networks[before.chain], self.clock.now()
        receipt = self._compared(before, network, tx_hash)
        done = moved_on(
            before, Trigger.COMPLETED, now, tx_hash=receipt.tx_hash.lower(), booking=Booking.CLOSED, named=""
        )
        event = self.reporter.event("completed", done, request_id)
        commit = PayoutCommit(before=before, after=done, event=event, sent_by=receipt.tx_hash.lower())
        if before.source is not Source.OWN:
            # Whoever sends a contract's transfer pays for it: only the treasury's own coin is in the books.
            own = receipt.fee and any(same(each, receipt.sender) for each in self._senders(before, network))
            cost = (gas(before, receipt.fee, now, receipt.tx_hash),) if own else ()
            commit = replace(commit, entries=(*paid(before, now, receipt.tx_hash), *cost))
        try:
            self.payouts.commit(commit)
        except AlreadyExists as exc:
            raise _Refuted("The transaction has completed another payout.") from exc
        notify(self.jobs, [event])
        return done

    def _compared(self, payout: Payout, network: Network, tx_hash: str) -> Receipt:
        """Return the receipt of a transaction that is final and is what the instruction says."""
        chain = self.open_chain(network.name)
        receipt = chain.receipt(_written(tx_hash, payout))
        if receipt is None or receipt.block_number > _final(chain, network):
            raise _Unknown("The transaction is not known, or not final yet; try again later.")
        block = chain.blocks([receipt.block_number]).get(receipt.block_number)
        if block is None or block.hash != receipt.block_hash:
            raise _Unknown("The transaction's block is not known; try again later.")
        if block.time < payout.created_at - SKEW_MS:
            raise _Refuted("The transaction is older than the payout that it is to complete.")
        senders = self._senders(payout, network)
        found = arrived(payout, senders, receipt)
        if found == payout.net:
            return receipt
        hidden = payout.token is None and receipt.success and not plain(payout, senders, receipt)
        if hidden:  # a contract may have sent the coin: traces tell, where a node has them
            with suppress(ChainError):
                number = receipt.block_number
                [within] = chain.transfers([Arrivals(payout.to, None, number)], number)
                found = arrived(payout, senders, receipt, within)
            if found == payout.net:
                return receipt
        whence = "the treasury" if senders else "anybody"
        told = f"It brought {found} base units from {whence} to {payout.to}, and not {payout.net}"
        raise _Unknown(f"{told}, as far as nodes tell.") if hidden and not found else _Refuted(f"{told}.")

    def _senders(self, payout: Payout, network: Network) -> tuple[str, ...]:
        """Return the addresses that may have sent it; none: a merchant pays from any wallet of its own."""
        if payout.source is Source.OWN:
            return (payout.treasury,) if payout.treasury else ()
        return tuple(each for each in (payout.treasury, self.treasury_of(network)) if each)

    def _not_sent(self, payout: Payout, reason: str) -> Payout:
        after = changed(payout, self.clock.now(), named="", named_at=0, reason=f"{payout.named}: {reason}"[:300])
        event = self.reporter.event("awaiting_transfer", after)
        self.payouts.commit(PayoutCommit(before=payout, after=after, event=event))
        notify(self.jobs, [event])
        self.log.warning("transfer_refuted", payout=payout.id, tx_hash=payout.named, error=reason)
        return after


def _written(tx_hash: str, payout: Payout) -> str:
    """Write a hash as its chain does: with 0x where addresses have it, whatever somebody has typed."""
    digits = tx_hash.lower().removeprefix("0x")
    return f"0x{digits}" if payout.to.startswith("0x") else digits


def _final(chain: Chain, network: Network) -> int:
    """Return the height up to which blocks are final, by depth and by the chain's own word."""
    deep = chain.head().number - network.confirmations + 1
    if network.finality == "depth":
        return deep
    told = chain.tagged(network.finality)
    return min(deep, told.number) if told is not None else -1
