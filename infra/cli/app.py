"""The command line's tree: `ctrip [--stage S] GROUP COMMAND`, a group a file, and `ctrip doctor`."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from infra.cli.admins import admins
from infra.cli.alarm import alarm
from infra.cli.audit import audit
from infra.cli.chains import chains
from infra.cli.contracts import contracts
from infra.cli.dev import dev
from infra.cli.doctor import doctor
from infra.cli.keys import keys
from infra.cli.kms import kms
from infra.cli.merchants import merchants
from infra.cli.payouts import payouts
from infra.cli.reconcile import reconcile
from infra.cli.rpc import rpc
from infra.cli.shared import EXIT_REFUSED, EXIT_UNREACHABLE
from infra.cli.show import Output, shown
from infra.cli.sweeps import sweeps
from infra.cli.treasury import treasury
from infra.cli.wallet import wallet
from infra.cli.webhooks import webhooks
from infra.stack import names

cli = typer.Typer(
    name="ctrip",
    help="Operate a stage of cTrip: its wallet and endpoints, merchants, their keys, webhooks, and the people who may "
    "use the admin API; `doctor` says what is missing.\n\n"
    "It uses your own AWS credentials, and everything it does stands in the audit trail under your name.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cli.add_typer(merchants, name="merchants")
cli.add_typer(keys, name="keys")
cli.add_typer(admins, name="admins")
cli.add_typer(audit, name="audit")
cli.add_typer(webhooks, name="webhooks")
cli.add_typer(payouts, name="payouts")
cli.add_typer(sweeps, name="sweeps")
cli.add_typer(wallet, name="wallet")
cli.add_typer(kms, name="kms")
cli.add_typer(rpc, name="rpc")
cli.add_typer(chains, name="chains")
cli.add_typer(contracts, name="contracts")
cli.add_typer(treasury, name="treasury")
cli.add_typer(reconcile, name="reconcile")
cli.add_typer(alarm, name="alarm")
cli.add_typer(dev, name="dev")
cli.command("doctor")(doctor)


@cli.callback()
def stage(
    context: typer.Context,
    name: Annotated[str | None, typer.Option("--stage", envvar="CTRIP_STAGE", help="Which stage.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Choose the stage."""
    from ctrip.domain.errors import ConfigurationError

    if wrong := names.unknown(os.environ):
        raise ConfigurationError(wrong)
    if name is None and context.invoked_subcommand == "dev":
        name = "local"  # there is no other that it could mean
    if name is None:
        raise typer.BadParameter("it is required: which stage is meant?", param_hint="--stage")
    os.environ["CTRIP_STAGE"] = name
    Output.as_json = as_json


@cli.command("verifying-key")
def verifying_key() -> None:
    """Print the public key that CTRIP_VERIFYING_KEY is to hold: it vouches for merchants' extended keys."""
    from ctrip.aws.signer import LambdaSigner

    key = LambdaSigner(os.environ["CTRIP_STAGE"]).verifying_key()
    shown({"verifying_key": key})


def main() -> int:
    """Run it; a refusal is one line and exit code 1, a stage that is out of reach one line and 2."""
    from botocore.exceptions import BotoCoreError, ClientError

    from ctrip.domain.errors import Busy, ConfigurationError, Refusal

    try:
        # It returns the code of a `typer.Exit`, and None where a command came to its end.
        return int(cli(standalone_mode=False, prog_name="ctrip") or 0)
    except typer.Abort:
        return 130
    except Refusal as exc:
        return _say(exc.detail, EXIT_REFUSED)
    except (ConfigurationError, Busy) as exc:
        return _say(str(exc), EXIT_UNREACHABLE)
    except (BotoCoreError, ClientError) as exc:
        return _say(f"AWS: {str(exc).splitlines()[0]}", EXIT_UNREACHABLE)
    except Exception as exc:
        if hasattr(exc, "show"):  # click's own: a wrong option, a missing argument
            exc.show()
            return int(getattr(exc, "exit_code", EXIT_UNREACHABLE))
        raise


def _say(words: str, code: int) -> int:
    print(f"ctrip: {words}", file=sys.stderr)
    return code
