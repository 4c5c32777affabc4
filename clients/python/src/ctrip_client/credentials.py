"""What proves who asks: a bearer key, or a signature over each request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ctrip_client.calls import Call, visible
from ctrip_client.signing import new_nonce, sign_request


class Credential(Protocol):
    """Whatever can add headers to one try of a call."""

    def headers(self, call: Call[Any]) -> dict[str, str]:
        """Return the headers that prove who asks."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """An API key, sent as it is."""

    api_key: str = field(repr=False)

    def headers(self, call: Call[Any]) -> dict[str, str]:
        """Return the Authorization header."""
        return {"Authorization": f"Bearer {self.api_key}"}


@dataclass(frozen=True, slots=True)
class Signer:
    """A signing secret, which stays here; each try gets its own time and nonce."""

    key_id: str
    secret: str = field(repr=False)
    clock: Callable[[], float]

    def headers(self, call: Call[Any]) -> dict[str, str]:
        """Return the four headers of a signed request."""
        return sign_request(
            call.method,
            call.path,
            call.query,
            call.body,
            key_id=self.key_id,
            secret=self.secret,
            timestamp=int(self.clock()),
            nonce=new_nonce(),
        )


def credential(
    api_key: str | None, signing_key_id: str | None, signing_secret: str | None, clock: Callable[[], float]
) -> Credential:
    """Choose the credential; raises ValueError unless it is a key, or a signing key with its secret, and not both."""
    if api_key and not signing_key_id and not signing_secret:
        return Bearer(visible("api_key", api_key))
    if signing_key_id and signing_secret and not api_key:
        return Signer(visible("signing_key_id", signing_key_id), signing_secret, clock)
    raise ValueError("give api_key, or both signing_key_id and signing_secret")
