"""Holds what a stage's settings say of chains against `chains.yaml`, before anything starts."""

from ctrip.config import Settings
from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.kinds import rules_of
from ctrip.domain.errors import ConfigurationError
from ctrip.networks import (
    amounts_that_need_agreement,
    check_named,
    check_symbols,
    check_treasuries,
    load_networks,
    with_caps,
)


def enabled_networks(settings: Settings) -> dict[str, Network]:
    """Return the networks that a stage starts with, with its own caps; raises `ConfigurationError`."""
    enabled = _checked_networks(settings)
    main = [name for name, network in enabled.items() if not (settings.local or network.testnet)]
    if main and not settings.backup_verified:
        raise ConfigurationError(
            f"CTRIP_CHAINS: the stage {settings.stage!r} refuses to start with {', '.join(main)}: main networks are "
            "refused until the wallet's backup has been read back: ctrip wallet verify, then make deploy"
        )
    return enabled


def check(settings: Settings) -> None:
    """Refuse settings with which a stage could not work; raises `ConfigurationError` naming the wrong variable."""
    _checked_networks(settings)
    check_treasuries(settings.treasuries, settings.treasury_contract)
    settings.must_start()


def _checked_networks(settings: Settings) -> dict[str, Network]:
    enabled = load_networks(settings.chains, local=settings.local)
    every = load_networks(local=settings.local)
    check_named("CTRIP_RPC", settings.rpc)
    for chain, entries in settings.rpc.items():
        if not rules_of(every[chain]).seen_final and not all(isinstance(each, str) for each in entries):
            raise ConfigurationError(f"CTRIP_RPC of {chain} names a node's two sides, and it has one: give an address")
    check_named("CTRIP_AGREE_ABOVE", settings.agree_above)
    check_named("CTRIP_PAYOUTS", settings.payouts)
    for chain, rules in settings.payouts.items():
        check_symbols("CTRIP_PAYOUTS", every[chain], rules)
    check_named("CTRIP_SWEEPS", settings.sweeps)
    for chain, policies in settings.sweeps.items():
        check_symbols("CTRIP_SWEEPS", every[chain], [name.rpartition("/")[2] for name in policies])
    for chain, amounts in settings.agree_above.items():
        amounts_that_need_agreement(every[chain], amounts)
    return with_caps(enabled, gas_funding=settings.gas_funding_cap, fee=settings.fee_cap)
