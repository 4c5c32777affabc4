"""Builders of domain objects for tests: sensible defaults, overridden by name."""

from dataclasses import replace
from typing import Any, get_type_hints

from ctrip.domain.chains.chain import Block
from ctrip.domain.detection.observe import Look
from ctrip.domain.payments.payment import GROUP_OF, Observation, Payment

T0 = 1_760_000_000_000
ADDRESS = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"


def block(number: int, *, fork: str = "a", at: int | None = None) -> Block:
    """A block of one-second blocks; `fork` makes its hash another."""
    return Block(number, f"0x{fork}{number}", f"0x{fork}{number - 1}", T0 + number * 1000 if at is None else at)


def grouped(values: dict[str, Any]) -> Payment:
    """A payment of values by the names of its fields, whichever group each is in."""
    kinds, groups = get_type_hints(Payment), {group: {} for group in GROUP_OF.values()}
    for name, value in values.items():
        groups[GROUP_OF[name]][name] = value
    own = groups.pop("")
    return Payment(**own, **{group: kinds[group](**given) for group, given in groups.items()})


def payment(**changes: Any) -> Payment:
    """A pending payment of 1,000 base units of the coin, three confirmations, due in half an hour."""
    given: dict[str, Any] = {
        "id": "11111111-1111-4111-8111-111111111111",
        "merchant_id": "m1",
        "chain": "anvil",
        "token_id": None,
        "token_address": None,
        "symbol": "ETH",
        "decimals": 18,
        "address": ADDRESS,
        "derivation_path": "m/44'/60'/1'/0/0",
        "amount": 1000,
        "required_confirmations": 3,
        "created_at": T0,
        "updated_at": T0,
        "expires_at": T0 + 1_800_000,
        "raised_at": T0,
        "checkout_url": "http://127.0.0.1/pay/x",
        "payment_uri": "ethereum:x",
    }
    return grouped(given | changes)


def look(received: int | None, *, head: int = 10, seen_at: int | None = None, **changes: Any) -> Look:
    """A look at block `head` that has seen `received` since block `seen_at` (default: the head)."""
    first = head if seen_at is None else seen_at
    observations = (Observation.at(block(first), received),) if received else ()
    confirmed = (received if received and first <= head - 2 else 0) if received is not None else None
    base = Look(head=block(head), received=received, confirmed=confirmed, depth_time=0, observations=observations)
    return replace(base, **changes)
