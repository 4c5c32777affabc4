"""`chains.yaml` is complete and right, and what is wrong in one is said in a line."""

import subprocess
import sys
import uuid

import pytest
import yaml

from ctrip import described, networks
from ctrip.config import load
from ctrip.domain.chains.assets import FeeFloor
from ctrip.domain.errors import ConfigurationError
from ctrip.networks import load_networks, parse, with_caps

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
    "shasta",
    "anvil",
]
OPTIONAL = ("poll_seconds", "explorer", "gas_funding_cap", "fee_cap", "fee_floor", "gas_estimated", "colour")
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
    """Twelve networks, each with USDT where it has one, the EVM ones with USDC and DAI too."""
    networks = load_networks()
    assert list(networks) == NAMES
    for network in networks.values():
        symbols = {token.symbol for token in network.tokens if token.enabled}
        usual = (
            {"USDC", "USDT", "DAI"}
            if network.kind == "evm"
            else {"USDT"} - {"USDT" if network.name == "shasta" else ""}
        )
        assert symbols >= usual
        assert all(token.chain == network.name for token in (*network.tokens, network.coin))
    assert networks["anvil"].poll_seconds == 1
    assert networks["bsc"].poll_seconds == 2
    assert networks["ethereum"].poll_seconds == 12


def test_contracts_are_spelled_by_eip_55() -> None:
    """A mistyped letter shows in the checksum."""
    from eth_utils.address import is_checksum_address

    for network in load_networks().values():
        for token in network.tokens:
            assert network.kind == "tron" or is_checksum_address(token.address)


def test_token_ids_follow_from_caip_19() -> None:
    """UUIDv5 in the URL namespace, of the asset id with the address in lower case; Tron has its own form."""
    networks = load_networks()
    usdc = networks["ethereum"].tokens[0]
    text = "eip155:1/erc20:0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
    assert usdc.id == str(uuid.uuid5(uuid.NAMESPACE_URL, text))
    text = "tron:0x2b6653dc/trc20:tr7nhqjekqxgtci8q8zy4pl8otszgjlj6t"
    assert networks["tron"].tokens[0].id == str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def test_an_unknown_chain_fails_in_one_line() -> None:
    """With the names that there are."""
    assert list(load_networks(["base", "anvil"])) == ["base", "anvil"]
    with pytest.raises(ConfigurationError, match=r"'moon' is not in chains\.yaml"):
        load_networks(["anvil", "moon"])


def test_a_network_that_another_stands_in_for_is_that_one_on_the_local_stage_alone() -> None:
    """Under the same name: the local one is a test network without public endpoints."""
    main, local = load_networks(["tron"])["tron"], load_networks(["tron"], local=True)["tron"]
    assert (main.testnet, local.testnet, bool(main.rpc), local.rpc) == (False, True, True, ())
    assert main.chain_id != local.chain_id
    assert (main.coin, main.confirmations) == (local.coin, local.confirmations)
    assert {name: each for name, each in load_networks(local=True).items() if name != "tron"} == {
        name: each for name, each in load_networks().items() if name != "tron"
    }


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
        ("gas_funding_cap", 0),
        ("gas_funding_cap", "1e16"),
        ("fee_cap", "-1"),
        ("fee_cap", 0.5),
        ("fee_cap", True),
        ("fee_floor", {"tip": "x"}),
        ("fee_floor", {"tips": 1}),
        ("fee_floor", 7),
        ("gas_estimated", "yes"),
        ("coin", {"symbol": "ETH", "decimals": 18, "coin_value": 5}),
        ("tokens", [{"symbol": "A", "address": "0x" + "1" * 40, "decimals": 6, "sweep_floor": "few"}]),
        ("tokens", [{"symbol": "A", "address": "0x" + "1" * 40, "decimals": 6, "coin_value": 0}]),
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
    if path not in OPTIONAL:
        with pytest.raises(ConfigurationError, match=path):
            parse(yaml.safe_dump(document))


def test_caps_and_floors_are_read_as_text_or_integers() -> None:
    """What is not named has a default; amounts beyond 2^53 are exact."""
    plain = parse(GOOD)["mine"]
    assert (plain.gas_funding_cap, plain.fee_cap, plain.fee_floor) == (10**16, 10**17, FeeFloor())
    document = yaml.safe_load(GOOD)
    document["mine"] |= {"gas_funding_cap": str(2**70 + 1), "fee_cap": 7, "fee_floor": {"tip": "25", "fee": 30}}
    document["mine"]["tokens"][0] |= {"sweep_floor": "100", "coin_value": str(2**80 + 1)}
    full = parse(yaml.safe_dump(document))["mine"]
    assert (full.gas_funding_cap, full.fee_cap, full.fee_floor) == (2**70 + 1, 7, FeeFloor(25, 30))
    assert (full.tokens[0].sweep_floor, full.tokens[0].coin_value) == (100, 2**80 + 1)
    assert full.tokens[0].worth(3 * 10**6) == 3 * (2**80 + 1)


def test_the_chains_caps_leave_room_for_a_busy_day() -> None:
    """A token's transfer at a hundred times the floor is under every cap, and none is more than geth relays."""
    for network in load_networks().values():
        floor = max(network.fee_floor.fee, network.fee_floor.tip)
        assert 100_000 * floor * 100 <= network.fee_cap < 10**18
        assert 2 * 100_000 * floor * 50 <= network.gas_funding_cap < 10**18
        assert network.kind == "tron" or network.name.endswith(("net", "sepolia", "anvil")) or floor
    polygon = load_networks()["polygon"]
    assert polygon.fee_floor.tip == 25 * 10**9
    assert polygon.fee_cap >= 100_000 * 500 * 10**9
    assert load_networks()["arbitrum"].gas_estimated


def test_a_stage_has_caps_of_its_own() -> None:
    """By chain, in place of the file's; a chain that nobody knows and an amount that is none are refused by name."""
    enabled = load_networks(["anvil", "polygon"])
    changed = with_caps(enabled, gas_funding={"polygon": "12345678901234567890"}, fee={"anvil": 5, "bsc": "7"})
    assert changed["polygon"].gas_funding_cap == 12345678901234567890
    assert changed["polygon"].fee_cap == enabled["polygon"].fee_cap
    assert (changed["anvil"].fee_cap, list(changed)) == (5, ["anvil", "polygon"])
    for caps in (
        {"moon": "1"},
        {"anvil": "x"},
        {"anvil": "0"},
        {"anvil": ("1",)},
        {"anvil": True},
        {"anvil": "\uff11"},
    ):
        with pytest.raises(ConfigurationError, match="CTRIP_FEE_CAP"):
            with_caps(enabled, gas_funding={}, fee=caps)
        with pytest.raises(ConfigurationError, match="CTRIP_GAS_FUNDING_CAP"):
            with_caps(enabled, gas_funding=caps, fee={})


def test_caps_are_settings_in_json() -> None:
    """A bare number, which used to hold for all coins alike, is refused."""
    read = load({"CTRIP_FEE_CAP": '{"polygon": "500000000000000000"}'})
    assert dict(read.fee_cap) == {"polygon": "500000000000000000"}
    for text in ("10", '["polygon"]', '{"polygon": 0.5}', "{"):
        with pytest.raises(ConfigurationError, match="CTRIP_FEE_CAP"):
            load({"CTRIP_FEE_CAP": text})


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


def test_reading_them_loads_no_yaml():
    """Each start of a function reads the JSON beside `chains.yaml`."""
    code = "import sys; from ctrip.networks import load_networks; load_networks(); sys.exit('yaml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=False, env={"PYTHONPATH": ":".join(sys.path)})
    assert done.returncode == 0


def test_what_is_changed_in_chains_yaml_holds_at_once(tmp_path, monkeypatch):
    """Also where nobody has made the JSON anew: it is used for the very text that it was made from alone."""
    for name in ("chains.yaml", "chains.json"):
        (tmp_path / name).write_text((described._FOLDER / name).read_text())
    monkeypatch.setattr(described, "_FOLDER", tmp_path)
    read = networks._every.__wrapped__
    assert read() == parse((tmp_path / "chains.yaml").read_text())
    text = (tmp_path / "chains.yaml").read_text()
    (tmp_path / "chains.yaml").write_text(text.replace("confirmations: 12\n", "confirmations: 13\n", 1))
    assert read()["ethereum"].confirmations == 13
