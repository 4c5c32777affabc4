"""Tron in the local stack: its stand-in under the supervisor, what accounts have there, and payments."""

import json
from pathlib import Path

import pytest

from infra.commands.env import exports
from infra.stack import seed, settings, tron
from infra.tools.ports import choose
from infra.tools.process import ROOT, Supervisor
from infra.tron import token
from tests.tron.node import ALICE, word

FREE = {f"CTRIP_{name}_PORT": "0" for name in ("API", "ANVIL", "AWS", "TRON")}


def test_payments_from_the_payer_become_final_and_the_accounts_have_their_coins(tmp_path: Path) -> None:
    """TRX and USDT arrive in final blocks; treasury and gas station are accounts with TRX."""
    with Supervisor(tmp_path) as supervisor:
        url = tron.start(supervisor, choose(FREE, tron=True), ROOT / ".tools", print)
        held = {name: _coins(url, name) for name in (tron.treasury(), tron.gas_station(), tron.payer())}
        assert list(held.values()) == [1_000 * tron.TRX, 100_000 * tron.TRX, 1_000_000 * tron.TRX]
        coins = tron.final(url, tron.pay(url, ALICE.address, 7 * tron.TRX))
        units = tron.final(url, tron.pay(url, ALICE.address, 5, token.USDT))
        assert _coins(url, ALICE.address) == 7 * tron.TRX
        assert (coins["fee"], units["receipt"]["result"]) == (1_100_000, "SUCCESS")
        assert units["log"][0]["topics"][2] == f"{word(ALICE):064x}"
        with pytest.raises(RuntimeError, match="balance is not sufficient"):
            tron.pay(url, ALICE.address, 10**15)


def _coins(url: str, address: str) -> int:
    return int(tron.ask(url, "/wallet/getaccount", address=address, visible=True)["balance"])


def test_without_tron_among_the_chains_no_stand_in_is_started(tmp_path: Path) -> None:
    """The chains alone decide."""
    for chains, wanted in (("anvil", False), ("anvil,tron", True)):
        env = FREE | {"CTRIP_CHAINS": chains, "CTRIP_LOCAL_DIR": str(tmp_path)}
        assert settings.from_environment(env).tron is wanted


def test_the_first_chains_names_stay_and_trons_have_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make env` prints both USDT, and Tron's node by its two sides; what it prints is known."""
    monkeypatch.setattr(seed, "_treasury", lambda chain: f"the treasury on {chain}")
    about = {
        "api_url": "http://127.0.0.1:1",
        "aws_endpoint_url": "http://127.0.0.1:2",
        "chains": seed._chains("http://127.0.0.1:3", "http://127.0.0.1:4"),
    }
    told = exports(about)
    assert told["CTRIP_USDT"] != told["CTRIP_TRON_USDT"]
    assert json.loads(told["CTRIP_RPC"])["tron"] == [tron.entry("http://127.0.0.1:4")]
    settings.check(told)
