"""The mnemonics of a stage, newest first: after a rotation the former ones still sign for the accounts they gave."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Generation:
    """A mnemonic, and the lowest account that is its own; the accounts above it are too, up to a newer one's."""

    mnemonic: str
    from_account: int = 0

    def __repr__(self) -> str:
        return f"Generation(from_account={self.from_account})"


def parse(text: str) -> tuple[Generation, ...]:
    """Read the secret: a mnemonic by itself, or JSON of several, newest first; raises ValueError."""
    if not text.lstrip().startswith("{"):
        return (Generation(" ".join(text.split())),)
    try:
        found = tuple(
            Generation(" ".join(each["mnemonic"].split()), each["from_account"])
            for each in json.loads(text)["generations"]
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError("holds no generations of mnemonics") from None
    starts = [each.from_account for each in found]
    if not found or starts[-1] != 0 or any(one <= other for one, other in pairwise(starts)):
        raise ValueError("holds generations whose accounts do not follow each other")
    return found


def written(generations: Sequence[Generation]) -> str:
    """Write what `parse` reads; one mnemonic stands by itself, which every wallet program reads."""
    if len(generations) == 1:
        return generations[0].mnemonic
    return json.dumps({"generations": [asdict(each) for each in generations]})


def of_account(generations: Sequence[Generation], account: int) -> int:
    """Return whose an account is, by its place; account 0, the operator's, is the newest's."""
    if account == 0:
        return 0
    return next(place for place, each in enumerate(generations) if each.from_account <= account)
