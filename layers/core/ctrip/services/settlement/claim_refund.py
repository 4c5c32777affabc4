"""Let a payer name the address that a refund goes to: once, on a page whose link only they were given."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.kinds import same
from ctrip.domain.errors import Conflict, InvalidField, NotFound
from ctrip.domain.settlement.payout import Payout, PayoutState, addressed, lapsed
from ctrip.ports.jobs import Jobs
from ctrip.ports.payouts import PayoutCommit, PayoutStore
from ctrip.ports.runtime import Clock
from ctrip.services.settlement.ask_payout import claim_digest
from ctrip.services.settlement.check_address import AddressCheck
from ctrip.services.settlement.payout_events import PayoutReporter
from ctrip.services.shared.notify import notify
from ctrip.services.shared.retry import on_stale

TRIES = 8
_SECRET = re.compile(r"[a-z2-7]{32}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundClaims:
    """Refunds by the secrets of their pages."""

    networks: Mapping[str, Network]
    payouts: PayoutStore
    check: AddressCheck
    clock: Clock
    jobs: Jobs
    reporter: PayoutReporter

    def find(self, secret: str) -> Payout:
        """Fetch a refund by the secret of its page; raises `NotFound`."""
        payout = self.payouts.claimable(claim_digest(secret)) if _SECRET.fullmatch(secret) else None
        if payout is None:
            raise NotFound("There is no refund at this address.", code="claim_not_found")
        return payout

    def waits(self, payout: Payout) -> bool:
        """Whether an address may still be named."""
        return payout.state is PayoutState.AWAITING_ADDRESS and not lapsed(payout, self.clock.now())

    def checked(self, payout: Payout, address: str) -> str:
        """Return an address in the form that people see; raises `InvalidField`, and `Conflict` for a closed chain."""
        network = self.networks.get(payout.chain)
        if network is None:
            raise Conflict("The network of this refund is not served any more.", code="payout_not_changeable")
        found = self.check.check(network, address.strip())
        if payout.treasury and same(payout.treasury, found):
            raise InvalidField("address", "own_address", "is the address that it would come from")
        return found

    def claim(self, secret: str, address: str, request_id: str = "") -> Payout:
        """Take the address; return the refund after that.

        Raises `NotFound`, `InvalidField`, and `Conflict` once there is an address, or the time is over.
        """

        def attempt() -> Payout:
            before = self.find(secret)
            after = addressed(before, self.checked(before, address), self.clock.now())
            event = self.reporter.event("addressed", after, request_id)
            self.payouts.commit(PayoutCommit(before=before, after=after, event=event))
            notify(self.jobs, [event])
            self.jobs.settle()
            return after

        return on_stale(attempt, tries=TRIES, otherwise=Conflict("It is changing; try again.", code="payout_changed"))
