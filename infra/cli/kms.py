"""`ctrip kms`: the operator's keys that are in KMS, where nobody can read them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.show import shown

if TYPE_CHECKING:
    from ctrip.signer.outside_keys import OutsideKey

Name = Annotated[str, typer.Argument(help="treasury, gas_station or operator")]
TAG = "ctrip-signing-key"  # the signer's role may sign with keys of its stage alone
kms = typer.Typer(help="The operator's keys in KMS: make one, show their addresses.", no_args_is_help=True)


@kms.command("create")
def create_key(name: Name) -> None:
    """Make a key on secp256k1 in KMS under the stage's alias, and print its address; nothing is overwritten."""
    from ctrip.aws.clients import client
    from ctrip.aws.kms_keys import alias
    from ctrip.domain.errors import Conflict, NotFound
    from ctrip.domain.sweeping.treasury import OPERATORS_KEYS

    if name not in OPERATORS_KEYS:
        raise NotFound(f"There is no key {name}: it is one of {', '.join(OPERATORS_KEYS)}.")
    stage, called = os.environ["CTRIP_STAGE"], alias(os.environ["CTRIP_STAGE"], name)
    if (held := _key(name)) is not None:
        raise Conflict(f"{called} is there already, with the address {held.public.to_checksum_address()}.")
    asked = {"KeySpec": "ECC_SECG_P256K1", "KeyUsage": "SIGN_VERIFY", "Description": f"cTrip {stage}: the {name} key"}
    made = client("kms").create_key(**asked, Tags=[{"TagKey": TAG, "TagValue": stage}])["KeyMetadata"]
    client("kms").create_alias(AliasName=called, TargetKeyId=made["KeyId"])
    shown(_about(name))
    typer.echo(
        f"It counts once the parameter KmsKeys names {name}. Such a key cannot be copied: who deletes it, or loses the "
        "account, loses what lies at its address.",
        err=True,
    )


@kms.command("show")
def show_keys() -> None:
    """Show the keys that are in KMS, and their addresses."""
    from ctrip.domain.sweeping.treasury import OPERATORS_KEYS

    shown([_about(name) for name in OPERATORS_KEYS], ("name", "alias", "address"))


def _about(name: str) -> dict[str, Any]:
    from ctrip.aws.kms_keys import alias

    held = _key(name)
    address = held.public.to_checksum_address() if held else None
    return {"name": name, "alias": alias(os.environ["CTRIP_STAGE"], name), "address": address}


def _key(name: str) -> OutsideKey | None:
    """Return a key that is there, whose public key was read."""
    from botocore.exceptions import ClientError

    from ctrip.aws.kms_keys import KmsKey, alias
    from ctrip.signer.outside_keys import OutsideKey

    key = OutsideKey(KmsKey(alias(os.environ["CTRIP_STAGE"], name)))
    try:
        return key if key.public else None
    except ClientError as exc:
        if exc.response["Error"]["Code"] != "NotFoundException":
            raise
        return None
