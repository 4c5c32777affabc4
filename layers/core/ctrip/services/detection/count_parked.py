"""Count the payments whose money is not worth its gas, and what lies at their addresses, as a round looks at them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ctrip.domain.detection.gates import Parked, Tip
from ctrip.domain.detection.watch import Watch
from ctrip.domain.payments.payment import Tier


@dataclass(slots=True)
class ParkedCount:
    """What a round over the slow tiers has counted so far, by token; rounds go on from scanner to scanner.

    `last`: this pass looks at the round's last slice. `spoiled`: a pass of it failed, so that a slice is missing.
    """

    found: dict[str, Parked] = field(default_factory=dict)
    last: bool = False
    spoiled: bool = False

    @classmethod
    def going_on(cls, parking: Iterable[Parked]) -> "ParkedCount":
        """Go on with what the scanner before has counted."""
        return cls({each.token: each for each in parking})

    def begin(self) -> None:
        """Begin a round."""
        self.found, self.last, self.spoiled = {}, False, False

    def add(self, rows: Iterable[Watch], balances: Mapping[str, int | None]) -> None:
        """Count what a slice shows; a balance that is unknown adds nothing to the amount."""
        for row in rows:
            if row.tier is Tier.PARKED:
                token = row.token or "native"
                before = self.found.get(token, Parked(token))
                amount = before.amount + (balances.get(row.id) or 0)
                self.found[token] = Parked(token, before.payments + 1, amount)

    def noted(self, tip: Tip, now: int) -> Tip:
        """Note what is counted; at the end of a round it is what is shown."""
        counted = tuple(self.found[token] for token in sorted(self.found))
        if not self.last:
            return replace(tip, parking=counted)
        self.last, self.found = False, {}
        tip = replace(tip, parking=())
        return tip if self.spoiled else replace(tip, parked=counted, parked_at=now)
