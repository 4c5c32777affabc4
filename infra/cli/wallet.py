"""`ctrip wallet`: the mnemonic from which every private key follows; made, copied, read back, restored."""

from __future__ import annotations

import os
import secrets
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctrip.system import SystemClock
from infra.cli import offline_copy
from infra.cli.shared import every, origin
from infra.cli.show import shown

if TYPE_CHECKING:
    from ctrip.signer.generations import Generation
    from ctrip.signer.wallet import MnemonicWallet

WORDS = 3  # of the copy that are asked for
SKIPPED = 1_000  # address indexes of each merchant that are not used again after a restore
SKIPPED_ACCOUNTS = 100

Backup = Annotated[Path, typer.Argument(help="The file of the encrypted copy.", dir_okay=False)]
Recipients = Annotated[
    list[str] | None,
    typer.Option("--recipient", help="An age key that can read the copy, age1...; none: a passphrase is asked for."),
]
Identity = Annotated[
    Path | None,
    typer.Option(help="A file with the age identity that reads the copy; none: a passphrase is asked for."),
]
wallet = typer.Typer(help="The wallet: make it, copy it, read the copy back, restore it.", no_args_is_help=True)


@wallet.command("create")
def create_wallet(
    backup: Backup,
    recipient: Recipients = None,
    show: Annotated[bool, typer.Option("--show", help="Print the mnemonic too, once.")] = False,
) -> None:
    """Make a mnemonic of 24 words, write an encrypted copy, and put it into Secrets Manager; nothing is overwritten."""
    from ctrip.domain.errors import Conflict

    if _held() is not None:
        raise Conflict("This stage has a wallet; money may lie at its addresses. Nothing was changed.")
    made = _new_mnemonic()
    offline_copy.write(backup, made, recipient or [])  # first: there is no wallet that has no copy
    try:
        _put(made)
    except Conflict as exc:
        raise Conflict(f"{exc} {backup} is a copy of no wallet: delete it.") from None
    except Exception:
        # Whether the secret took it may be unknown: the copy stays, and restoring it settles the matter either way.
        typer.echo(f"It is not known whether the wallet was stored; ctrip wallet restore {backup} stores it.", err=True)
        raise
    shown(_about(made) | {"copy": str(backup)} | ({"mnemonic": made} if show else {}))
    typer.echo(
        f"Keep {backup} where this account is not, then read it back there: ctrip wallet verify {backup}. "
        "CTRIP_VERIFYING_KEY is the key above.",
        err=True,
    )


@wallet.command("backup")
def back_up_wallet(backup: Backup, recipient: Recipients = None) -> None:
    """Write another encrypted copy of the wallet."""
    offline_copy.write(backup, _required(), recipient or [])
    shown({"copy": str(backup)})


@wallet.command("verify")
def verify_wallet(backup: Backup, identity: Identity = None) -> None:
    """Read a copy back: it must be of this wallet, and three of its words are asked for. Main networks wait for this.

    To know the words, decrypt the copy with a program that is not this one: age --decrypt FILE.
    """
    from ctrip.aws.secrets import BACKUP_TAG, mnemonic_name
    from ctrip.domain.errors import Conflict

    held = _required()
    if offline_copy.read(backup, identity) != held:
        raise Conflict(f"{backup} is a copy of another wallet than this stage's.")
    words = _generations(held)[0].mnemonic.split()
    for place in sorted(secrets.SystemRandom().sample(range(len(words)), WORDS)):
        if typer.prompt(f"Word {place + 1} of the copy", hide_input=True).strip().lower() != words[place]:
            raise Conflict(f"That is not word {place + 1}. Nothing was noted; begin again.")
    day, key = (
        datetime.fromtimestamp(SystemClock().now() / 1000, UTC).date().isoformat(),
        _about(held)["verifying_key"],
    )
    _secrets().tag_resource(SecretId=mnemonic_name(_stage()), Tags=[{"Key": BACKUP_TAG, "Value": f"{day} {key}"}])
    shown({"backup_verified": day, "verifying_key": key})
    typer.echo("make deploy tells the functions; then main networks may be among the stage's chains.", err=True)


@wallet.command("restore")
def restore_wallet(
    backup: Backup,
    identity: Identity = None,
    skip: Annotated[int, typer.Option(min=0, max=1_000_000, help="Indexes of each merchant to leave out.")] = SKIPPED,
) -> None:
    """Put the wallet of a copy back, and raise the counters: no address that was given out is given out again.

    Tables that were restored know nothing of what happened after they were copied. Each merchant's next addresses begin
    `--skip` later, and its account is looked through for money on every chain before it takes payments again.
    """
    from ctrip.domain.errors import Conflict

    mnemonic, held = offline_copy.read(backup, identity), _held()
    _about(mnemonic)  # refuses what is no mnemonic
    if held not in (None, mnemonic):
        raise Conflict("This stage has another wallet; money may lie at its addresses.")
    merchants = _raise_counters(skip)  # first: the wallet is what addresses are given out with
    if held is None:
        _put(mnemonic)
    shown(_about(mnemonic) | {"merchants": merchants, "skipped": skip})
    typer.echo(f"Read the copy back before main networks start: ctrip wallet verify {backup}", err=True)


@wallet.command("rotate")
def rotate_wallet(backup: Backup, recipient: Recipients = None) -> None:
    """Make a newer mnemonic for all further accounts; the former one goes on signing for the accounts that it gave.

    The gas station, the operator and a treasury whose key is here have new addresses then; what lies at the old ones is
    yours to move, with the old mnemonic. Merchants are moved by `ctrip wallet move`.
    """
    from ctrip.bootstrap import stage
    from ctrip.domain.errors import Conflict
    from ctrip.signer.generations import Generation, written

    held = _generations(_required())
    if waiting := _under_way(held[0].mnemonic):
        raise Conflict(
            f"Transactions of the gas station, the operator or the treasury are under way: {', '.join(waiting)}. Wait "
            "for their end, which takes the chain's confirmations, and begin again."
        )
    access = stage().adapters.access
    # Merchants that are made meanwhile take the accounts that are left out: those are the former mnemonic's.
    first = access.next_account() + SKIPPED_ACCOUNTS
    made = written([Generation(_new_mnemonic(), first), *held])
    offline_copy.write(backup, made, recipient or [])  # first: there is no wallet that has no copy
    if access.next_account() >= first:
        raise Conflict(
            f"Too many merchants were made meanwhile; begin again. {backup} is a copy of no wallet: delete it."
        )
    _put(made, f"rotation {len(held)}")
    _leave_out(first)
    keys = ",".join(_trusted([made, *(each.mnemonic for each in held)]))
    shown(_about(made) | _operators(made) | {"copy": str(backup), "verifying_keys": keys, "from_account": first})
    typer.echo(
        f"Read the copy back (ctrip wallet verify {backup}), fund the new gas station, and deploy with the parameter "
        "VerifyingKey as verifying_keys above: until then no merchant gets an account. Then deploy the sweep contracts "
        "(ctrip contracts deploy) for the new operator, and ctrip wallet move.",
        err=True,
    )


@wallet.command("move")
def move_merchants() -> None:
    """Have every merchant given an account of the newest mnemonic, and what the former one has signed signed anew.

    A merchant takes no payments until the signer has done so, for seconds; payments that it has stay where they are.
    """
    from ctrip.bootstrap import stage

    held = _required()
    verifying_key, first = _about(held)["verifying_key"], _generations(held)[0].from_account
    adapters, moved = stage().adapters, 0
    _leave_out(first)
    for each in every(stage().merchants.manager.page):
        moved += stage().merchants.mover.move(each["id"], verifying_key, origin(), first)
    adapters.jobs.provision()
    adapters.jobs.settle()
    shown({"moving": moved})
    if not moved:
        typer.echo(f"Every merchant is there. Deploy with VerifyingKey={verifying_key} alone.", err=True)
    else:
        typer.echo("Run it again in some minutes: it says when every merchant is there.", err=True)


def _operators(held: str) -> dict[str, str]:
    """Show the operator's addresses of the newest mnemonic; those of keys in KMS are not used."""
    from ctrip.domain.chains.kinds import FIRST, address_path
    from ctrip.domain.sweeping.treasury import OPERATORS_ACCOUNT, OPERATORS_KEYS

    wallet = _wallet(_generations(held)[0].mnemonic)
    paths = {name: address_path(FIRST, OPERATORS_ACCOUNT, index) for name, index in OPERATORS_KEYS.items()}
    return {name: wallet.address(FIRST.kind, path) for name, path in paths.items()}


def _leave_out(first: int) -> None:
    """Have no account below the first one of the newest mnemonic given out any more."""
    from ctrip.bootstrap import stage

    while first and stage().adapters.access.next_account() < first:
        pass


def _trusted(newest_first: list[str]) -> list[str]:
    """Return the verifying keys of the newest mnemonic, the one before, and of older ones that still have merchants."""
    from ctrip.bootstrap import stage
    from ctrip.domain.merchants.vouching import verify_key

    keys = [_about(each)["verifying_key"] for each in newest_first]
    merchants = [stage().adapters.access.merchant(each["id"]) for each in every(stage().merchants.manager.page)]
    signed = [
        (merchant, each) for merchant in merchants if merchant for each in (*merchant.keys, *merchant.former_keys)
    ]
    return keys[:2] + [key for key in keys[2:] if any(verify_key(*each, key) for each in signed)]


def _under_way(mnemonic: str) -> list[str]:
    """Name the unfinished transactions of the operator's own addresses."""
    from ctrip.bootstrap import stage
    from ctrip.domain.chains.kinds import KINDS, address_path, same
    from ctrip.domain.sweeping.treasury import OPERATORS_ACCOUNT, OPERATORS_KEYS
    from infra.cli import deployed

    adapters, wallet = stage().adapters, _wallet(mnemonic)
    own = [
        wallet.address(kind, address_path(rules, OPERATORS_ACCOUNT, index))
        for kind, rules in KINDS.items()
        for index in OPERATORS_KEYS.values()
    ]
    moving = [each for chain in deployed.settings().chains for each in adapters.money.unfinished(chain)]
    return sorted(each.key for each in moving if any(same(each.sender, address) for address in own))


def _raise_counters(skip: int) -> int:
    from ctrip.bootstrap import stage

    access, merchants = stage().adapters.access, every(stage().merchants.manager.page)
    for _ in range(SKIPPED_ACCOUNTS if skip else 0):
        access.next_account()
    for each in merchants:
        # It takes no payments from here on, until its account has been looked through behind the raised counter.
        stage().merchants.manager.rediscover(each["id"], origin())
        merchant = access.merchant(each["id"])
        for key in merchant.keys if merchant else ():
            access.raise_index(each["id"], key.curve, access.indexes(each["id"], key.curve) + skip)
    return len(merchants)


def _generations(held: str) -> tuple[Generation, ...]:
    """Read what the secret, or a copy of it, holds."""
    from ctrip.signer.generations import parse

    try:
        return parse(held)
    except ValueError as exc:
        raise typer.BadParameter(f"the copy {exc}") from None


def _new_mnemonic() -> str:
    from bip_utils import Bip39Languages, Bip39MnemonicGenerator, Bip39WordsNum

    return str(Bip39MnemonicGenerator(Bip39Languages.ENGLISH).FromWordsNumber(Bip39WordsNum.WORDS_NUM_24))


def _about(held: str) -> dict[str, Any]:
    """Show the newest mnemonic's keys that others must know."""
    from ctrip.domain.chains.kinds import FIRST, KINDS, address_path
    from ctrip.domain.sweeping.treasury import GAS_STATION
    from ctrip.signer.authority import KeyAuthority

    mnemonic = _generations(held)[0].mnemonic
    wallet = _wallet(mnemonic)
    others = {f"gas_station_{kind}": rules for kind, rules in KINDS.items() if rules is not FIRST}
    stations = {"gas_station": FIRST} | others
    return {"verifying_key": KeyAuthority(mnemonic).verifying_key} | {
        name: wallet.address(rules.kind, address_path(rules, *GAS_STATION)) for name, rules in stations.items()
    }


def _wallet(mnemonic: str) -> MnemonicWallet:
    from bip_utils import MnemonicChecksumError

    from ctrip.signer.wallet import MnemonicWallet

    try:
        return MnemonicWallet(mnemonic)
    except (ValueError, MnemonicChecksumError):
        raise typer.BadParameter("the copy holds no mnemonic of BIP-39") from None


def _required() -> str:
    from ctrip.domain.errors import NotFound

    if (held := _held()) is None:
        raise NotFound("This stage has no wallet yet: ctrip wallet create FILE")
    return held


def _held() -> str | None:
    """Read the stage's mnemonic with the operator's own credentials; None where the secret is still empty."""
    from botocore.exceptions import ClientError

    from ctrip.aws.secrets import mnemonic_name, read_mnemonic
    from ctrip.domain.errors import NotFound

    try:
        return " ".join(read_mnemonic(_stage()).split())
    except ClientError as exc:
        if exc.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
    try:
        _secrets().describe_secret(SecretId=mnemonic_name(_stage()))
    except ClientError as exc:
        if exc.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        raise NotFound(f"The stage {_stage()} has no data stack here: make deploy STAGE={_stage()}") from None
    return None


def _put(held: str, which: str = "") -> None:
    from ctrip.aws.secrets import mnemonic_name
    from ctrip.domain.errors import Conflict

    manager, name = _secrets(), mnemonic_name(_stage())
    try:
        # Always by the same token, for which Secrets Manager takes one value alone: of two at once, the first stays.
        manager.put_secret_value(
            SecretId=name, SecretString=held, ClientRequestToken=str(uuid.uuid5(uuid.NAMESPACE_URL, name + which))
        )
    except manager.exceptions.ResourceExistsException:
        raise Conflict("Somebody else stored a wallet at the same time, which stays.") from None


def _secrets() -> Any:
    from ctrip.aws.clients import client

    return client("secretsmanager")


def _stage() -> str:
    return os.environ["CTRIP_STAGE"]
