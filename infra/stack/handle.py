"""A running local gateway, as its merchant sees it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import httpx

from infra.stack.settings import announced
from infra.tools.errors import Refused

# Whoever configures logging wants the gateway's lines, not one for each request made here.
logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Gateway:
    """What gateway.json says, with an HTTP client."""

    about: dict[str, Any]
    http: httpx.Client

    @classmethod
    def of(cls, about: dict[str, Any]) -> Gateway:
        """Speak to the gateway that `about` describes."""
        headers = {"Authorization": f"Bearer {about['merchant']['api_key']}"}
        return cls(about, httpx.Client(base_url=about["api_url"], headers=headers, timeout=10, trust_env=False))

    def create(self, **wanted: Any) -> dict[str, Any]:
        """Create a payment."""
        return dict(self.http.post("/api/v1/payments", json=wanted).raise_for_status().json())

    def read(self, payment_id: str) -> dict[str, Any]:
        """Read a payment."""
        return dict(self.http.get(f"/api/v1/payments/{payment_id}").raise_for_status().json())

    def chain(self, name: str = "anvil") -> dict[str, Any]:
        """Return what gateway.json says of a chain."""
        return dict(self.about["chains"][name])

    def answers(self) -> bool:
        """Whether it is there: a file may outlive its gateway."""
        try:
            return self.http.get("/health").status_code == 200
        except httpx.TransportError:
            return False


def find() -> Gateway:
    """Speak to the gateway that runs in this checkout; raises `Refused` when none does."""
    about = announced()
    gateway = Gateway.of(about) if about else None
    if gateway is None or not gateway.answers():
        raise Refused("no gateway runs here; start one with: make up")
    return gateway
