"""`ctrip treasury rotate`, on a real Anvil: what proves control of an address, what does not, and what follows."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from eth_account import Account
from eth_account.messages import encode_defunct
from typer.testing import CliRunner

from ctrip import config
from ctrip.chains.evm.terms import member_terms
from ctrip.domain.chains.evm.sweep_contracts import DEPLOYER, delegated_to, sweep_pair
from ctrip.domain.chains.kinds import FIRST
from ctrip.domain.chains.tron.addresses import encoded
from ctrip.domain.sweeping.plan import Order
from ctrip.domain.sweeping.treasury import control_message, parse_treasuries, rotated
from ctrip.networks import load_networks
from infra.cli import deployed
from infra.cli.app import cli
from infra.cli.treasury import _today
from infra.stack import wallet
from tests.contract.test_batch_planning import transfers
from tests.contract.test_sweep_contracts import held
from tests.evm_support import Anvil
from tests.sweep_support import Batches, code_at, member, succeeded
from tests.world import _WALLET, STATION, World

OLD = "0x00000000000000000000000000000000000000AA"
NEW, STRANGER = wallet.funded(8), wallet.funded(9)
OPERATOR = wallet.derive(wallet.OPERATOR_PATH, wallet.ANVIL_MNEMONIC)  # the tests' wallet is Anvil's
SAFE = FIRST.shown("0x5afe000000000000000000000000000000005afe")
MAGIC = "1626ba7e" + "00" * 28


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, anvil: Anvil) -> dict[str, str]:
    """The stage's settings, which a test may change before it runs the command."""
    held = {"CTRIP_CHAINS": "anvil", "CTRIP_RPC": json.dumps({"anvil": [anvil.url]}), "CTRIP_TREASURY": OLD}
    world = World()
    monkeypatch.setattr("ctrip.bootstrap.stage", lambda: world.stage)
    monkeypatch.setattr("ctrip.aws.secrets.read_endpoints", lambda _: {})
    monkeypatch.setattr(deployed, "settings", lambda: config.load(held))
    monkeypatch.setenv("CTRIP_STAGE", "t")
    return held


@pytest.fixture
def payer(tmp_path: Path) -> tuple[str, str]:
    """The option with a key that pays for the contracts."""
    (tmp_path / "key").write_text(wallet.funded(6).key)
    return "--key-file", str(tmp_path / "key")


def run(*arguments: str, chain: str = "anvil") -> Result:
    return CliRunner().invoke(cli, ["--stage", "t", "--json", "treasury", "rotate", chain, *arguments])


def said(done: Result) -> str:
    """Return the sentence of a refusal."""
    assert done.exit_code != 0, done.stdout
    return str(getattr(done.exception, "detail", done.exception))


def asked(address: str = NEW.address) -> tuple[str, str]:
    """Have the command print what is to be signed; return the message and its nonce."""
    done = run(address)
    assert done.exit_code == 0, said(done)
    printed = json.loads(done.stdout)
    return printed["message"], printed["nonce"]


def signed(message: str, account: wallet.Account = NEW) -> str:
    """Sign as wallets do with personal_sign."""
    made = Account.sign_message(encode_defunct(text=message), account.key).signature
    return "0x" + bytes(made).hex()


def prove(nonce: str, signature: str, *more: str, address: str = NEW.address) -> Result:
    return run(address, "--nonce", nonce, "--signature", signature, *more)


def places(settings, anvil: Anvil, contract: str, runtime: str) -> None:
    """Have a contract be the new treasury."""
    anvil.rpc("anvil_setCode", contract, runtime)
    settings["CTRIP_TREASURY_CONTRACT"] = "anvil"


def answering(word: str) -> str:
    """Return code that answers every call with a word."""
    return f"0x7f{word}60005260206000f3"


def owned_by(owner: str) -> str:
    """Return code that answers as EIP-1271 asks: whether `owner` has signed the hash (ecrecover)."""
    recover = "6004356000526000356000526004356000526064356040526084356060526000600060a4351a602052"
    recover = (
        "600435600052" + "60a43560f81c602052" + "606435604052" + "608435606052" + "60206000608060006001" + "5afa50"
    )
    compare = f"60005173{owner[2:].lower()}14"
    place = len(bytes.fromhex(recover + compare)) + 3 + 5
    refuse = "60006000fd"
    accept = f"5b7f{MAGIC}60005260206000f3"
    return "0x" + recover + compare + f"60{place:02x}57" + refuse + accept


def test_the_message_names_stage_chain_address_and_day(settings, anvil):
    """Nothing is deployed or changed by asking for it."""
    message, nonce = asked()
    for part in ("Stage: t\n", "Chain: anvil (31337)\n", f"Treasury: {NEW.address}\n", f"Nonce: {nonce}"):
        assert part in message
    assert nonce.startswith(_today().isoformat())
    assert asked()[1] != nonce
    assert code_at(anvil, sweep_pair(NEW.address, OPERATOR.address).batcher.address) == "0x"


def test_who_has_signed_gets_the_contracts_and_the_parameter_to_set(settings, anvil, payer):
    """Also with the recovery number that hardware wallets write; a second time nothing is sent."""
    message, nonce = asked()
    signature = signed(message)
    done = prove(nonce, signature, *payer)
    assert done.exit_code == 0, said(done)
    told, pair = json.loads(done.stdout), sweep_pair(NEW.address, OPERATOR.address)
    assert (told["parameters"], told["problem"]) == ({"Treasury": NEW.address}, None)
    assert (told["old_treasury"], told["treasury"]) == (OLD, NEW.address)
    assert (told["batcher"], told["delegate"]) == (pair.batcher.address, pair.delegate.address)
    assert code_at(anvil, pair.delegate.address) == pair.delegate.runtime
    other_v = signature[:-2] + f"{int(signature[-2:], 16) - 27:02x}"
    assert prove(nonce, other_v, *payer).exit_code == 0
    assert int(anvil.rpc("eth_getTransactionCount", wallet.funded(6).address, "latest"), 16) == 2


def test_without_a_key_that_pays_the_transactions_are_printed(settings, anvil):
    """It ends with 1; once somebody has sent them the same command goes on."""
    message, nonce = asked()
    first = prove(nonce, signed(message))
    assert first.exit_code == 1
    calls = json.loads(first.stdout[first.stdout.index("[") :])
    assert [each["to"] for each in calls] == [DEPLOYER] * 2
    for each in calls:
        anvil.send(each["to"], each["data"])
    assert json.loads(prove(nonce, signed(message)).stdout)["problem"] is None


def changed(message: str, what: str) -> str:
    """Return a message of another circumstance."""
    return message.replace(*what.split(" -> "))


@pytest.mark.parametrize(
    "what",
    ["Stage: t -> Stage: prod", "anvil (31337) -> base (8453)", "(31337) -> (1)", f"{NEW.address} -> {OLD}", "-> "],
)
def test_a_signature_of_another_message_proves_nothing(settings, payer, what):
    """Of another stage, chain, address; or of another nonce."""
    message, nonce = asked()
    other = asked()[0] if what == "-> " else changed(message, what)
    assert other != message
    assert "is not proven: the message was signed by" in said(prove(nonce, signed(other), *payer))


def test_a_signature_by_another_key_proves_nothing(settings, anvil, payer):
    message, nonce = asked()
    assert STRANGER.address in said(prove(nonce, signed(message, STRANGER), *payer))
    assert code_at(anvil, sweep_pair(NEW.address, OPERATOR.address).batcher.address) == "0x"


@pytest.mark.parametrize(
    "signature", ["", "0x", "zz", "0x1", "0x" + "00" * 65, "0x" + "ff" * 65, "0x" + "11" * 64, "0x" + "11" * 20_000]
)
def test_what_is_no_signature_is_refused_in_one_line(settings, payer, signature):
    _, nonce = asked()
    words = said(prove(nonce, signature, *payer))
    assert "is not proven" in words
    assert "\n" not in words
    assert len(words) < 300


@pytest.mark.parametrize(("days", "good"), [(0, True), (14, True), (15, False), (-3, False)])
def test_a_message_counts_for_some_days(settings, payer, days, good):
    """Several people may have to sign; an old one that somebody finds proves nothing of today."""
    day = (_today() - timedelta(days=days)).isoformat()
    nonce = f"{day}-{'0a' * 8}"
    message = control_message("t", load_networks()["anvil"], NEW.address, nonce)
    done = prove(nonce, signed(message), *payer)
    assert (done.exit_code == 0) is good
    assert good or "begin anew" in said(done)


@pytest.mark.parametrize("nonce", ["", "today", "2026-13-40-0011223344556677", "2026-11-28-00112233445566zz"])
def test_a_nonce_that_the_command_has_not_printed_is_refused(settings, payer, nonce):
    assert "none that this command has printed" in said(prove(nonce, "0x" + "11" * 65, *payer))
    assert "go together" in said(run(NEW.address, "--nonce", nonce or "x"))


def test_a_contract_confirms_the_signature_of_its_owner(settings, anvil, payer):
    """EIP-1271; it is asked for the hash of this very message, so that another one's proves nothing."""
    places(settings, anvil, SAFE, owned_by(STRANGER.address))
    message, nonce = asked(SAFE)
    done = prove(nonce, signed(message, STRANGER), *payer, address=SAFE)
    assert done.exit_code == 0, said(done)
    assert json.loads(done.stdout)["treasury"] == SAFE
    for other in (signed(message, NEW), signed(asked(SAFE)[0], STRANGER)):
        assert "does not confirm" in said(prove(nonce, other, *payer, address=SAFE))


@pytest.mark.parametrize(
    "runtime",
    [
        "0x00",
        answering("00" * 32),
        answering("00" * 28 + "1626ba7e"),
        answering("ff" * 32),
        answering("1626ba7e" + "00" * 27 + "01"),
        f"0x7f{MAGIC}60005260046000f3",
        f"0x7f{MAGIC}60005260406000f3",
        "0x60006000fd",
        "0xfe",
    ],
    ids=["nothing", "zero", "aligned_to_the_right", "ones", "more", "four_bytes", "two_words", "reverts", "invalid"],
)
def test_a_contract_that_answers_anything_else_confirms_nothing(settings, anvil, payer, runtime):
    places(settings, anvil, SAFE, runtime)
    message, nonce = asked(SAFE)
    assert "does not confirm" in said(prove(nonce, signed(message), *payer, address=SAFE))


def test_a_contract_that_has_signed_on_the_chain_needs_no_signature(settings, anvil, payer):
    """It is asked with an empty one; where the stage did not expect a contract, that parameter is printed too."""
    places(settings, anvil, SAFE, answering(MAGIC))
    settings["CTRIP_TREASURY_CONTRACT"] = ""
    _, nonce = asked(SAFE)
    done = prove(nonce, "0x", *payer, address=SAFE)
    assert done.exit_code == 0, said(done)
    parameters = json.loads(done.stdout)["parameters"]
    assert parameters == {"Treasury": SAFE, "TreasuryContract": "anvil"}


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (OLD, "already"),
        (STATION, "the gas station's own address"),
        (OPERATOR.address, "the operator's own address"),
        ("0x" + "00" * 20, "zero address"),
        (NEW.address[:-1] + ("A" if NEW.address[-1] == "a" else "a"), "checksum"),
        ("nonsense", "no address"),
        (next(each.address for each in load_networks()["ethereum"].tokens), "is the contract of"),
    ],
)
def test_an_address_that_deposits_must_not_go_to_is_refused_before_anything_is_signed(settings, address, words):
    assert words in said(run(address))


def test_a_payments_address_is_refused(settings, monkeypatch):
    from ctrip import bootstrap

    world = World()
    monkeypatch.setattr(bootstrap, "stage", lambda: world.stage)
    assert "the address of a payment" in said(run(world.create().due.address))


def test_another_chain_than_the_nodes_is_refused(settings, anvil):
    settings |= {"CTRIP_CHAINS": "anvil,sepolia"}
    settings["CTRIP_RPC"] = json.dumps({"anvil": [anvil.url], "sepolia": [anvil.url]})
    assert "The node is of chain 31337" in said(run(NEW.address, chain="sepolia"))
    assert "is not enabled" in said(run(NEW.address, chain="base"))
    assert "there are" in said(run(NEW.address, chain="etherum"))


def test_the_signers_own_key_needs_no_proof(settings, payer):
    """It has derived the address."""
    own = _WALLET.address("evm", "m/44'/60'/0'/0/0")
    done = run(own, *payer)
    assert json.loads(done.stdout)["parameters"] == {"Treasury": own}


def test_other_chains_keep_their_treasury():
    """One for all becomes one for each."""
    every = load_networks()
    networks = [every["anvil"], every["base"]]
    for before in ({"": OLD}, {"anvil": OLD, "base": OLD}):
        after = parse_treasuries(rotated(before, networks, "base", NEW.address))
        assert after == {"anvil": OLD, "base": NEW.address}
    assert rotated({"": OLD}, networks[:1], "anvil", NEW.address) == NEW.address
    assert parse_treasuries(rotated({}, networks, "base", NEW.address)) == {"base": NEW.address}


def test_after_a_rotation_addresses_delegate_anew_with_their_next_sweep_and_strangers_move_nothing(
    settings, anvil, payer
):
    """Threat 21 with the pair that the command deploys: before the rotation, and after it, on either pair."""
    customer, token = member(0), anvil.tokens["USDC"]["address"]
    had = held(anvil, token, NEW.address)
    old = Batches(anvil, operator=OPERATOR, treasury=OLD)

    def stranger_moves(batches: Batches) -> bool:
        return succeeded(batches.send(token, [customer], sender=STRANGER))

    anvil.pay(customer.address, 500, token)
    assert succeeded(old.send(token, [customer], [old.authorize(customer)]))
    anvil.pay(customer.address, 700, token)
    assert not stranger_moves(old)
    message, nonce = asked()
    assert prove(nonce, signed(message), *payer).exit_code == 0
    new = Batches(anvil, operator=OPERATOR, treasury=NEW.address)  # which are there already
    assert not stranger_moves(old)
    assert not stranger_moves(new)
    # The planner has it delegate anew, though the operator's batcher is the same one.
    wanted = Order(customer.address, token, NEW.address, 700, "m/44'/60'/77'/0/0")
    found = transfers(anvil.url).quote_collection((wanted,), OPERATOR.address)
    assert (found.refused, member_terms(found.terms[customer.address]).nonce_after) == ({}, 2)
    assert delegated_to(code_at(anvil, customer.address)) == old.pair.delegate.address.lower()
    assert succeeded(new.send(token, [customer], [new.authorize(customer)]))
    assert delegated_to(code_at(anvil, customer.address)) == new.pair.delegate.address.lower()
    anvil.pay(customer.address, 900, token)
    assert not stranger_moves(old)
    assert not stranger_moves(new)
    assert [held(anvil, token, each) for each in (OLD, NEW.address)] == [500, had + 700]


def test_on_a_chain_without_contracts_the_command_says_what_to_set(settings: dict[str, str]) -> None:
    """Tron's treasury needs no contract, and what proves control of an address is no standard there."""
    settings["CTRIP_CHAINS"] = "anvil,tron"
    address = encoded(b"\x77" * 20)
    told = said(run(address, chain="tron"))
    assert f'{{"anvil": "{OLD}", "tron": "{address}"}}' in told
    assert "parameter Treasury" in told
    told = said(run(NEW.address, chain="tron"))
    assert "hexadecimal" in told
