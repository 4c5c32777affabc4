"""Holds what a stage's settings say of chains against `chains.yaml`, before anything starts."""

from ctrip.config import Settings
from ctrip.domain.chains.assets import Network
from ctrip.domain.errors import ConfigurationError
from ctrip.domain.urls import is_web_address
from ctrip.networks import (
    amounts_that_need_agreement,
    check_named,
    check_treasuries,
    load_networks,
    with_caps,
)


def enabled_networks(settings: Settings) -> dict[str, Network]:
    """Return the networks of a stage, with its own caps; raises `ConfigurationError` naming the wrong variable."""
    enabled = load_networks(settings.chains)
    every = load_networks()
    check_named("CTRIP_RPC", settings.rpc)
    check_named("CTRIP_AGREE_ABOVE", settings.agree_above)
    for chain, amounts in settings.agree_above.items():
        amounts_that_need_agreement(every[chain], amounts)
    return with_caps(enabled, gas_funding=settings.gas_funding_cap, fee=settings.fee_cap)


def check(settings: Settings) -> None:
    """Refuse settings with which a stage could not work; raises `ConfigurationError` naming the wrong variable."""
    enabled_networks(settings)
    check_treasuries(settings.treasuries, settings.treasury_contract)
    if settings.webhook_url and not is_web_address(settings.webhook_url, plain_http=settings.local):
        raise ConfigurationError("CTRIP_WEBHOOK_URL must be an https address; only the stage local takes plain http")
