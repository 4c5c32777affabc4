"""What a wallet in the payer's browser is asked for: exactly what is due, and nothing of the stage's own."""

from __future__ import annotations

from dataclasses import replace

from ctrip.domain.chains.evm.rules import EvmRules
from tests.world import NETWORK, USDC

TO = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
RULES = EvmRules()


def test_the_coin_is_sent_as_value_alone() -> None:
    asked = RULES.wallet_request(NETWORK, NETWORK.coin, TO, 2**256 - 1)
    assert asked is not None
    assert asked["transaction"] == {"to": TO, "value": hex(2**256 - 1)}
    assert asked["chain"]["chainId"] == "0x7a69"


def test_a_token_is_sent_by_a_transfer_of_the_amount_and_no_coin() -> None:
    """To the token's contract; recipient and amount are in the call, 32 bytes each."""
    asked = RULES.wallet_request(NETWORK, USDC, TO, 7_500_000)
    assert asked is not None
    data = asked["transaction"].pop("data")
    assert asked["transaction"] == {"to": USDC.address, "value": "0x0"}
    assert (data[:10], data[10:74], int(data[74:], 16)) == ("0xa9059cbb", f"{TO[2:].lower():0>64}", 7_500_000)


def test_a_wallet_is_told_of_public_endpoints_alone() -> None:
    """What it may use of the list that everybody has, and where to look transactions up."""
    urls = ("http://node.example", *(f"https://rpc{n}.example" for n in range(5)))
    asked = RULES.wallet_request(replace(NETWORK, rpc=urls, explorer="https://scan.example"), USDC, TO, 1)
    assert asked is not None
    assert asked["chain"]["rpcUrls"] == [f"https://rpc{n}.example" for n in range(3)]
    assert asked["chain"]["blockExplorerUrls"] == ["https://scan.example"]
