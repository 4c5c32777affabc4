"""`chains.yaml` is complete and right, and what is wrong in one is said in a line."""

import subprocess
import sys
import uuid

import pytest
import yaml

from ctrip.domain.assets import ChainKind
from ctrip.domain.errors import ConfigurationError
from ctrip.networks import load_networks, parse

NAMES = [
    "ethereum",
    "bsc",
    "polygon",
    "base",
    "arbitrum",
    "optimism",
    "sepolia",
    "bsc-testnet",
    "tron",
    "nile",
    "anvil",
]
GOOD = """
mine:
  title: Mine
  kind: evm
  chain_id: 5
  confirmations: 2
  finality: depth
  block_seconds: 0.5
  head_age_alarm: 9
  explorer: https://example.org
  rpc: [https://rpc.example.org/x]
  coin: {symbol: ETH, decimals: 18}
  tokens:
    - {symbol: USDC, address: "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", decimals: 6}
"""


def test_the_networks_of_the_contract_are_there() -> None:
    """Eleven networks, each with USDT, the main ones with USDC and DAI too."""
    networks = load_networks()
    assert list(networks) == NAMES
    for network in networks.values():
        symbols = {token.symbol for token in network.tokens if token.enabled}
        assert symbols >= ({"USDT"} if network.kind is ChainKind.TRON else {"USDC", "USDT", "DAI"})
        assert all(token.chain == network.name for token in (*network.tokens, network.coin))
    assert networks["anvil"].poll_seconds == 1
    assert networks["bsc"].poll_seconds == 2
    assert networks["ethereum"].poll_seconds == 12


def test_contracts_are_spelled_by_eip_55() -> None:
    """A mistyped letter shows in the checksum."""
    from eth_utils.address import is_checksum_address

    for network in load_networks().values():
        for token in network.tokens:
            assert network.kind is ChainKind.TRON or is_checksum_address(token.address)


def test_token_ids_follow_from_caip_19() -> None:
    """UUIDv5 in the URL namespace, of the asset id with the address in lower case; Tron has its own form."""
    networks = load_networks()
    usdc = networks["ethereum"].tokens[0]
    text = "eip155:1/erc20:0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
    assert usdc.id == str(uuid.uuid5(uuid.NAMESPACE_URL, text))
    text = "tron:0x2b6653dc/trc20:tr7nhqjekqxgtci8q8zy4pl8otszgjlj6t"
    assert networks["tron"].tokens[0].id == str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def test_an_unknown_or_unbuilt_chain_fails_in_one_line() -> None:
    """Enabling is refused; listing is not."""
    assert list(load_networks(["base", "anvil"])) == ["base", "anvil"]
    with pytest.raises(ConfigurationError, match=r"'moon' is not in chains\.yaml"):
        load_networks(["anvil", "moon"])
    with pytest.raises(ConfigurationError, match="chain kind tron is not built yet"):
        load_networks(["tron"])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("title", 7),
        ("kind", "solana"),
        ("chain_id", "1"),
        ("chain_id", True),
        ("chain_id", 0),
        ("confirmations", 0),
        ("finality", "soon"),
        ("block_seconds", -1),
        ("poll_seconds", "fast"),
        ("head_age_alarm", 0.5),
        ("explorer", "ftp://x"),
        ("rpc", "https://x"),
        ("rpc", ["http://example.org"]),
        ("rpc", ["https://user@example.org"]),
        ("coin", None),
        ("coin", {"symbol": "ETH"}),
        ("tokens", {}),
        ("tokens", [{"symbol": "A", "address": "0x1", "decimals": 6}]),
        ("tokens", [{"symbol": "A", "address": "0x" + "1" * 40, "decimals": 78}]),
        ("tokens", [{"symbol": "ETH", "address": "0x" + "1" * 40, "decimals": 6}]),
        ("tokens", [{"symbol": "A", "address": "0x" + "1" * 40, "decimals": 6, "enabled": "yes"}]),
        ("tokens", [{"symbol": symbol, "address": "0x" + "1" * 40, "decimals": 6} for symbol in "AB"]),
        ("colour", "blue"),
    ],
)
def test_each_field_is_checked(path: str, value: object) -> None:
    """What is wrong is named."""
    assert parse(GOOD)["mine"].poll_seconds == 2
    document = yaml.safe_load(GOOD)
    document["mine"][path] = value
    with pytest.raises(ConfigurationError, match="mine"):
        parse(yaml.safe_dump(document))
    document["mine"].pop(path)
    if path not in ("poll_seconds", "colour"):
        with pytest.raises(ConfigurationError, match=path):
            parse(yaml.safe_dump(document))


@pytest.mark.parametrize("text", ["[]", "a: [", "ab: {}", "A-Chain: {}", GOOD + GOOD.replace("mine:", "other:")])
def test_a_malformed_file_is_refused(text: str) -> None:
    """Also names that the API would not take, and one chain id given twice."""
    with pytest.raises(ConfigurationError):
        parse(text)


def test_importing_it_imports_no_yaml_and_no_web3() -> None:
    """The API imports it on each cold start."""
    code = "import sys, ctrip.networks; sys.exit(any(name in sys.modules for name in ('yaml', 'web3', 'requests')))"
    assert (
        subprocess.run([sys.executable, "-c", code], check=False, env={"PYTHONPATH": ":".join(sys.path)}).returncode
        == 0
    )
