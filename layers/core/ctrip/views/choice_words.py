"""Why a payer's choice was not taken, in words for the payer."""

from ctrip.domain.errors import InvalidField, Refusal, TooMany
from ctrip.ports.language import translatable

_OFTEN = translatable("That was too often. Please wait a minute, then choose again.")
_OTHER = translatable("This cannot be paid with. Please choose another one.")
_LATER = translatable("This cannot be paid with at the moment. Please choose another one, or try again in a minute.")


def trouble_of(refusal: Refusal) -> str:
    """Return the message that says why a choice was refused."""
    if isinstance(refusal, TooMany) and refusal.code == "too_many_choices":
        return _OFTEN
    return _OTHER if isinstance(refusal, InvalidField) else _LATER
