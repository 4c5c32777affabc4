"""What the signer alone writes: the settlement addresses that it has taken over, and what it has signed today."""

from typing import Protocol

from ctrip.domain.settlement.reservation import SettlementAddress


class SignerBook(Protocol):
    """The signer's own memory."""

    def vouched(self, merchant_id: str, chain: str) -> SettlementAddress | None:
        """Return where a merchant's settlements go, as the signer has taken it over, read consistently."""
        ...

    def keep_vouched(self, before: SettlementAddress | None, after: SettlementAddress) -> None:
        """Store it; raises `Stale` when it has moved on."""
        ...

    def signed(self, payout_id: str, slot: str) -> int | None:
        """Return the base units that were counted for a payout in a slot; None where it was not signed for it."""
        ...

    def spend(self, chain: str, asset: str, day: str, payout_id: str, slot: str, amount: int, most: int) -> bool:
        """Count an amount that is signed, once for each payout and slot; False where the day's sum would exceed `most`.

        Raises `Busy` where others count at the same time for too long.
        """
        ...
