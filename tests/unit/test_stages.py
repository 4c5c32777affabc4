"""Which stages start: with test networks, and with webhooks that reach nothing but the internet."""

import pytest

from ctrip import config, startup
from ctrip.bootstrap.aws import AwsAdapters
from ctrip.domain.errors import ConfigurationError
from ctrip.networks import load_networks

MAIN = ("ethereum", "bsc", "polygon", "base", "arbitrum", "optimism")


def adapters(monkeypatch: pytest.MonkeyPatch, **settings: str) -> AwsAdapters:
    """The parts of a stage, as its functions get them."""
    for name, value in settings.items():
        monkeypatch.setenv(f"CTRIP_{name}", value)
    return AwsAdapters()


def test_a_stage_on_test_networks_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its webhooks are vetted: no name of it leads to this machine."""
    found = adapters(monkeypatch, STAGE="dev", CHAINS="sepolia,bsc-testnet")
    assert sorted(found.networks) == ["bsc-testnet", "sepolia"]
    assert found.receivers.post("https://127.0.0.1:9000/", {}, b"{}").error == "the address is not a public one"


def test_only_the_local_stage_posts_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The allowance is a setting of its own, which no other stage starts with."""
    assert config.load({}).webhook_loopback == 1
    assert config.load({"CTRIP_STAGE": "dev"}).webhook_loopback == 0
    with pytest.raises(ConfigurationError, match=r"CTRIP_WEBHOOK_LOOPBACK .*'dev' refuses to start"):
        _ = adapters(monkeypatch, STAGE="dev", CHAINS="sepolia", WEBHOOK_LOOPBACK="1").settings


@pytest.mark.parametrize("url", ["http://shop.example/hooks", "https://10.0.0.1/", "https://vault.internal/hooks"])
def test_a_default_endpoint_that_is_not_public_is_refused_at_start(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """In the functions too, not only where the stage is packaged."""
    with pytest.raises(ConfigurationError, match="CTRIP_WEBHOOK_URL must "):
        _ = adapters(monkeypatch, STAGE="dev", CHAINS="sepolia", WEBHOOK_URL=url).settings


def test_every_network_without_the_mark_of_a_test_network_is_a_main_one() -> None:
    """A new network that says nothing is one where coins are worth something."""
    assert {name for name, each in load_networks().items() if not each.testnet} == {*MAIN, "tron"}


@pytest.mark.parametrize("name", MAIN)
def test_no_main_network_starts_until_a_backup_has_been_read_back(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Named, with what to do; packaging such a stage is fine. What the setting holds is a day."""
    with pytest.raises(
        ConfigurationError, match=rf"CTRIP_CHAINS: .*'prod' refuses to start with {name}: main networks"
    ):
        _ = adapters(monkeypatch, STAGE="prod", CHAINS=f"sepolia,{name}").networks
    startup.check(config.load({"CTRIP_STAGE": "prod", "CTRIP_CHAINS": name}))
    verified = adapters(monkeypatch, STAGE="prod", CHAINS=f"sepolia,{name}", BACKUP_VERIFIED="2026-11-28")
    assert set(verified.networks) == {"sepolia", name}
    with pytest.raises(ConfigurationError, match="CTRIP_BACKUP_VERIFIED must be a day"):
        config.load({"CTRIP_BACKUP_VERIFIED": "yes"})


def test_only_the_local_stage_takes_a_recorded_exchange_for_a_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can write to this machine's ports would make the rates."""
    with pytest.raises(ConfigurationError, match=r"CTRIP_RECORDED_EXCHANGE .*'dev' refuses to start"):
        _ = adapters(monkeypatch, STAGE="dev", CHAINS="sepolia", RECORDED_EXCHANGE="http://127.0.0.1:9000").settings
