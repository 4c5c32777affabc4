"""`ctrip wallet` on Secrets Manager (in memory, by moto): made once, copied, read back, restored."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pyrage
import pytest
from botocore.exceptions import ReadTimeoutError
from click.testing import Result
from typer.testing import CliRunner

from ctrip.aws.secrets import BACKUP_TAG, backup_verified
from ctrip.bootstrap.aws import AwsAdapters
from ctrip.domain.errors import Conflict, NotFound
from ctrip.domain.merchants.vouching import key_statement
from ctrip.domain.sweeping.treasury import OPERATORS_KEYS
from ctrip.signer.authority import KeyAuthority
from ctrip.signer.generations import of_account, parse
from ctrip.signer.wallet import MnemonicWallet
from infra.cli import offline_copy, wallet
from infra.cli.app import cli
from infra.stack.wallet import GAS_STATION_PATH
from tests.support.aws import in_memory
from tests.support.objects import transaction
from tests.world import _MNEMONIC, AUTHORITY, XPUB2, World, put_merchant

NAME = "ctrip/t/mnemonic"
PASSPHRASE = "correct horse battery"
WALLET = "abandon " * 11 + "about"
Run = Callable[..., Result]


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Secrets Manager with the secret that the data stack makes, which holds nothing yet."""
    monkeypatch.setenv("CTRIP_STAGE", "t")
    with in_memory(monkeypatch):
        manager = boto3.client("secretsmanager")
        manager.create_secret(Name=NAME)
        yield manager


@pytest.fixture
def run() -> Run:
    """Run a command of the group; `typed` is what its user types."""

    def called(*arguments: str | Path, typed: str = "") -> Result:
        return CliRunner().invoke(cli, ["--stage", "t", "--json", "wallet", *map(str, arguments)], input=typed)

    return called


def held(manager: Any) -> str:
    """Read the stage's mnemonic."""
    return str(manager.get_secret_value(SecretId=NAME)["SecretString"])


def verify(run: Run, manager: Any, *arguments: str | Path, wrong: int | None = None) -> Result:
    """Read a copy back, typing the words that are asked for as they come; `wrong` is the place of a wrong one."""
    words = iter(range(3))

    def answer(text: str, **_: Any) -> str:
        if text.startswith("Passphrase"):
            return PASSPHRASE
        place = next(words)
        return "zebra" if place == wrong else parse(held(manager))[0].mnemonic.split()[int(text.split()[1]) - 1].upper()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.prompt", answer)
        return run("verify", *arguments)


def test_a_wallet_is_made_with_its_copy_and_never_overwritten(manager: Any, run: Run, tmp_path: Path) -> None:
    """24 words that nobody sees; the copy is its owner's alone, and reads back as what the secret holds."""
    copy = tmp_path / "wallet.age"
    made = run("create", copy, typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    assert made.exit_code == 0, made.output
    mnemonic = held(manager)
    assert len(mnemonic.split()) == 24
    assert mnemonic.split()[0] not in made.output
    assert KeyAuthority(mnemonic).verifying_key in made.output
    assert copy.stat().st_mode & 0o777 == 0o600
    assert pyrage.passphrase.decrypt(copy.read_bytes(), PASSPHRASE).decode() == mnemonic
    again = run("create", tmp_path / "other.age", typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    assert isinstance(again.exception, Conflict)
    assert held(manager) == mnemonic
    assert not (tmp_path / "other.age").exists()


def test_a_copy_for_an_age_key_is_read_with_its_identity(manager: Any, run: Run, tmp_path: Path) -> None:
    """The mnemonic is printed when that is asked for."""
    identity, copy, keys = pyrage.x25519.Identity.generate(), tmp_path / "wallet.age", tmp_path / "keys.txt"
    keys.write_text(f"# a key\n{identity}\n")
    made = run("create", copy, "--recipient", str(identity.to_public()), "--show")
    assert held(manager) in made.output
    assert verify(run, manager, copy, "--identity", keys).exit_code == 0
    wrong = tmp_path / "wrong.txt"
    wrong.write_text(f"{pyrage.x25519.Identity.generate()}\n")
    assert run("verify", copy, "--identity", wrong).exit_code == 2
    assert run("verify", copy, "--identity", copy.with_name("none")).exit_code == 2
    assert run("create", tmp_path / "x", "--recipient", "age1nothing").exit_code != 0


@pytest.mark.parametrize("arrived", [True, False])
def test_a_copy_stays_where_it_is_unknown_whether_the_wallet_was_stored(
    manager: Any, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    """The answer was lost: the only copy is not deleted, and restoring it ends with the one wallet."""
    copy, put = tmp_path / "wallet.age", wallet._put

    def lost(mnemonic: str) -> None:
        if arrived:
            put(mnemonic)
        raise ReadTimeoutError(endpoint_url="secretsmanager")

    with monkeypatch.context() as patch:
        patch.setattr(wallet, "_put", lost)
        made = run("create", copy, typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    assert isinstance(made.exception, ReadTimeoutError)
    monkeypatch.setattr("ctrip.bootstrap.stage", lambda: World().stage)
    assert run("restore", copy, typed=f"{PASSPHRASE}\n").exit_code == 0
    assert pyrage.passphrase.decrypt(copy.read_bytes(), PASSPHRASE).decode() == held(manager)


def test_of_two_wallets_that_are_made_at_the_same_time_the_first_stays(
    manager: Any, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both saw an empty secret; the second one's copy is of no wallet, and its maker is told."""
    first, second, write = tmp_path / "first.age", tmp_path / "second.age", offline_copy.write

    def overtaken(backup: Path, *rest: Any) -> None:
        write(backup, *rest)
        with monkeypatch.context() as patch:
            patch.setattr(offline_copy, "write", write)
            assert run("create", first, typed=f"{PASSPHRASE}\n{PASSPHRASE}\n").exit_code == 0

    monkeypatch.setattr(offline_copy, "write", overtaken)
    made = run("create", second, typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    assert isinstance(made.exception, Conflict)
    assert f"{second} is a copy of no wallet" in str(made.exception)
    assert pyrage.passphrase.decrypt(first.read_bytes(), PASSPHRASE).decode() == held(manager)


@pytest.mark.parametrize("taken", ["file", "folder", "short"])
def test_without_a_copy_there_is_no_wallet(manager: Any, run: Run, tmp_path: Path, taken: str) -> None:
    """A file that exists, a folder that does not, a short passphrase: the secret stays empty, and nothing is lost."""
    copy = tmp_path / ("missing/wallet.age" if taken == "folder" else "wallet.age")
    if taken == "file":
        copy.write_text("mine")
    passphrase = "short" if taken == "short" else PASSPHRASE
    assert run("create", copy, typed=f"{passphrase}\n{passphrase}\n").exit_code == 2
    with pytest.raises(manager.exceptions.ResourceNotFoundException):
        held(manager)
    assert (copy.read_text() if copy.exists() else "mine") == "mine"


def test_a_copy_that_was_read_back_is_noted_for_its_wallet_alone(manager: Any, run: Run, tmp_path: Path) -> None:
    """By three words of it; a wrong one, or another wallet's copy, notes nothing."""
    copy, foreign = tmp_path / "wallet.age", tmp_path / "foreign.age"
    run("create", copy, typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    foreign.write_bytes(pyrage.passphrase.encrypt(WALLET.encode(), PASSPHRASE))
    key = KeyAuthority(held(manager)).verifying_key
    assert isinstance(verify(run, manager, foreign).exception, Conflict)
    for wrong in range(3):
        assert isinstance(verify(run, manager, copy, wrong=wrong).exception, Conflict)
        assert backup_verified("t", key) == ""
    done = verify(run, manager, copy)
    assert done.exit_code == 0
    day = backup_verified("t", key)
    assert day in done.output
    assert day
    manager.put_secret_value(SecretId=NAME, SecretString=WALLET)
    assert backup_verified("t", KeyAuthority(WALLET).verifying_key) == ""
    (tag,) = manager.describe_secret(SecretId=NAME)["Tags"]
    assert tag["Key"] == BACKUP_TAG


def test_a_restored_wallet_gives_out_no_address_again(
    manager: Any, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each merchant's next addresses begin later, and its account is looked through before it takes payments."""
    world = World()
    put_merchant(world.stores.access, replace(world.merchant, id="m2", account=0, xpub=XPUB2))
    monkeypatch.setattr("ctrip.bootstrap.stage", lambda: world.stage)
    access = world.stores.access
    given = {each: access.take_indexes(each, "evm", 7).stop for each in ("m1", "m2")}
    accounts = access.next_account()
    copy = tmp_path / "wallet.age"
    copy.write_bytes(pyrage.passphrase.encrypt(f" {WALLET}\n".encode(), PASSPHRASE))
    done = run("restore", copy, typed=f"{PASSPHRASE}\n")
    assert done.exit_code == 0, done.output
    assert held(manager) == WALLET
    assert {each: access.take_indexes(each, "evm", 1).start for each in given} == {
        each: count + 1_000 for each, count in given.items()
    }
    assert access.next_account() == accounts + 101
    assert not any(key.discovered for each in given for key in access.merchant(each).keys)
    assert run("restore", copy, "--skip", "5", typed=f"{PASSPHRASE}\n").exit_code == 0
    manager.put_secret_value(
        SecretId=NAME, SecretString="legal winner thank year wave sausage worth useful legal winner thank yellow"
    )
    assert isinstance(run("restore", copy, typed=f"{PASSPHRASE}\n").exception, Conflict)


@pytest.mark.parametrize("text", ["", "abandon abandon", "abandon " * 12, "no words at all"])
def test_a_copy_that_holds_no_mnemonic_is_not_restored(manager: Any, run: Run, tmp_path: Path, text: str) -> None:
    """Nothing is put."""
    copy = tmp_path / "wallet.age"
    copy.write_bytes(pyrage.passphrase.encrypt(text.encode(), PASSPHRASE))
    assert run("restore", copy, typed=f"{PASSPHRASE}\n").exit_code == 2
    with pytest.raises(manager.exceptions.ResourceNotFoundException):
        held(manager)


def test_a_stage_without_wallet_or_data_says_what_to_do(manager: Any, run: Run, tmp_path: Path) -> None:
    """One has to be made, the other deployed."""
    for command in ("backup", "verify"):
        assert "ctrip wallet create" in str(run(command, tmp_path / "x").exception)
    manager.delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True)
    missing = run("backup", tmp_path / "x").exception
    assert isinstance(missing, NotFound)
    assert "make deploy STAGE=t" in str(missing)


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> World:
    """A stage in memory, which the command finds as the one that is deployed."""
    world = World()
    monkeypatch.setattr("ctrip.bootstrap.stage", lambda: world.stage)
    monkeypatch.setattr("infra.cli.deployed.settings", lambda: world.stage.settings)
    return world


def test_a_rotated_wallet_keeps_the_former_mnemonic_for_its_accounts(
    manager: Any, run: Run, tmp_path: Path, deployed: World
) -> None:
    """Its copy holds both, is read back by the newer one's words, and restores both; a second rotation adds a third."""
    run("create", tmp_path / "first.age", typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    first = held(manager)
    copy = tmp_path / "second.age"
    done = run("rotate", copy, typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    assert done.exit_code == 0, done.output
    newer, former = parse(held(manager))
    assert (former.mnemonic, former.from_account) == (first, 0)
    assert newer.from_account < deployed.stores.access.next_account()
    keys = [KeyAuthority(each.mnemonic).verifying_key for each in (newer, former)]
    assert ",".join(keys) in done.output
    assert first not in done.output
    assert newer.mnemonic not in done.output
    assert isinstance(verify(run, manager, tmp_path / "first.age").exception, Conflict)
    assert verify(run, manager, copy).exit_code == 0
    assert backup_verified("t", keys[0])
    assert run("rotate", tmp_path / "third.age", typed=f"{PASSPHRASE}\n{PASSPHRASE}\n").exit_code == 0
    assert parse(held(manager))[1:] == (newer, former)
    assert run("restore", tmp_path / "third.age", typed=f"{PASSPHRASE}\n").exit_code == 0


def test_a_wallet_is_not_rotated_while_its_operators_transactions_are_under_way(
    manager: Any, run: Run, tmp_path: Path, deployed: World
) -> None:
    """No key would be left to replace them with; no copy is written either."""
    run("create", tmp_path / "first.age", typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    station = MnemonicWallet(held(manager)).address("evm", GAS_STATION_PATH)
    sent = transaction(chain="anvil", sender=station)
    deployed.stores.money.write_transaction(None, sent)
    refused = run("rotate", tmp_path / "second.age", typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    assert sent.key in str(refused.exception)
    assert not (tmp_path / "second.age").exists()
    assert len(parse(held(manager))) == 1


def test_every_merchant_is_moved_once(manager: Any, run: Run, tmp_path: Path, deployed: World) -> None:
    """The command says how many are on their way."""
    run("create", tmp_path / "first.age", typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    run("rotate", tmp_path / "second.age", typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    moving = run("move")
    assert (moving.exit_code, '"moving": 1' in moving.output) == (0, True)
    access = deployed.stores.access
    assert access.merchant("m1").rotation.account > parse(held(manager))[0].from_account
    assert deployed.jobs.provisions
    again = access.merchant("m1").rotation
    assert '"moving": 1' in run("move").output
    assert access.merchant("m1").rotation == again


@pytest.fixture
def world(manager: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """A stage whose wallet is the tests' own, with one merchant that has an account of it."""
    world = World()
    monkeypatch.setattr("ctrip.bootstrap.stage", lambda: world.stage)
    monkeypatch.setattr("infra.cli.deployed.settings", lambda: world.stage.settings)
    manager.put_secret_value(SecretId=NAME, SecretString=_MNEMONIC)
    for _ in range(9):
        world.stores.access.next_account()
    return world


def rotate(run: Run, copy: Path) -> dict[str, Any]:
    """Rotate the wallet; return what the command shows."""
    done = run("rotate", copy, typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout[done.stdout.index("{") :]))


def test_accounts_that_merchants_take_while_a_wallet_is_rotated_are_the_former_mnemonics(
    world: World, manager: Any, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its maker types a passphrase meanwhile: a merchant that is made then is derived by the mnemonic that is there."""
    taken, write = [], offline_copy.write

    def slowly(*arguments: Any) -> None:
        write(*arguments)
        taken.append(world.stores.access.next_account())

    monkeypatch.setattr(offline_copy, "write", slowly)
    shown = rotate(run, copy := tmp_path / "new.age")
    generations = parse(held(manager))
    assert pyrage.passphrase.decrypt(copy.read_bytes(), PASSPHRASE).decode() == held(manager)
    assert [of_account(generations, each) for each in (1, taken[0])] == [1, 1]
    assert of_account(generations, world.stores.access.next_account()) == 0
    assert shown["from_account"] == generations[0].from_account > taken[0]
    newest = MnemonicWallet(generations[0].mnemonic)
    for name, index in OPERATORS_KEYS.items():
        assert shown[name] == newest.address("evm", f"m/44'/60'/0'/0/{index}")


def test_a_wallet_is_not_rotated_where_too_many_merchants_came_meanwhile(
    world: World, manager: Any, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their accounts would be another mnemonic's than the one that derived them."""
    monkeypatch.setattr(offline_copy, "write", lambda *_: [world.stores.access.next_account() for _ in range(101)])
    done = run("rotate", tmp_path / "new.age")
    assert isinstance(done.exception, Conflict)
    assert held(manager) == _MNEMONIC


def test_a_second_rotation_goes_on_trusting_what_no_newer_mnemonic_has_signed_yet(
    world: World, run: Run, tmp_path: Path
) -> None:
    """Else the merchants that are not moved yet would be credited nothing; the oldest goes once nobody needs it."""
    first = rotate(run, tmp_path / "1.age")["verifying_keys"]
    second = rotate(run, tmp_path / "2.age")["verifying_keys"]
    assert first.split(",")[1] == AUTHORITY.verifying_key
    assert second.split(",")[1:] == first.split(",")


def test_merchants_of_the_former_mnemonic_are_moved_whoever_has_signed_for_them(
    world: World, run: Run, tmp_path: Path
) -> None:
    """One that was made before, and provisioned by the newer wallet, has an account that the older one derives."""
    access = world.stores.access
    put_merchant(access, replace(world.merchant, id="m2", account=2, xpub="", key_signature=""))
    rotate(run, tmp_path / "new.age")
    newest = KeyAuthority(parse(held(boto3.client("secretsmanager")))[0].mnemonic)
    assert json.loads(run("move").stdout)["moving"] == 2
    merchant = replace(access.merchant("m2"), xpub=XPUB2)
    signed = replace(merchant, key_signature=newest.sign(key_statement(merchant)))
    access._merchants["m2"] = signed
    assert json.loads(run("move").stdout)["moving"] == 2
    wanted = access.merchant("m2").rotation
    assert wanted is not None
    assert wanted.account > 100


def test_a_process_learns_that_the_wallet_was_rotated_since_it_read_it(world: World, run: Run, tmp_path: Path) -> None:
    """It is asked each time, as nothing else tells a function that stays warm."""
    adapters = AwsAdapters()
    vars(adapters)["settings"] = replace(world.stage.settings, stage="t")
    assert adapters.wallet().address("evm", GAS_STATION_PATH)
    assert adapters.wallet_is_newest()
    rotate(run, tmp_path / "new.age")
    assert not adapters.wallet_is_newest()
