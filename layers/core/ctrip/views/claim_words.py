"""The words of the page on which a payer names where a refund goes: messages of the catalogues, in English."""

from ctrip.domain.settlement.payout import PayoutState
from ctrip.ports.language import translatable

_SENT_SOON = translatable("Your address is noted. The refund is about to be sent.")

# What the page says once an address was given.
STATES: dict[PayoutState, str] = {
    PayoutState.AWAITING_APPROVAL: translatable("Your address is noted. The shop is checking this refund."),
    PayoutState.APPROVED: _SENT_SOON,
    PayoutState.AWAITING_TRANSFER: _SENT_SOON,
    PayoutState.SENDING: translatable("The refund is being sent."),
    PayoutState.COMPLETED: translatable("The refund has been sent."),
}
_OVER = translatable("This refund is over: nothing was sent. Ask the shop for a new link.")

# Why an address cannot be used, by the code of its refusal.
REFUSALS = {
    "invalid_address": translatable("It is no address of this network: compare it with the one in your wallet."),
    "contract_address": translatable("It is a token's contract: what is sent there is lost."),
    "own_address": translatable("It belongs to the shop's own gateway."),
}
_OTHER = translatable("Compare it with the one in your wallet.")


def state_of(state: PayoutState) -> str:
    """Return what the page says of a refund that takes no address any more."""
    return STATES.get(state, _OVER)


def refusal_of(code: str) -> str:
    """Return why an address cannot be used."""
    return REFUSALS.get(code, _OTHER)
