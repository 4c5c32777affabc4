"""`ctrip treasury rotate`: prepare another treasury for a chain; it counts once the stack's parameter says so."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli import control, deployed
from infra.cli.contracts import ChainContracts, ChainName, payer_of
from infra.cli.shared import EXIT_REFUSED
from infra.cli.show import Output, shown
from infra.stack import contracts as deployment
from infra.stack import tokens

if TYPE_CHECKING:
    from ctrip.config import Settings
    from ctrip.domain.chains.assets import Network

ABOUT_SIGNATURE = (
    "The signature of the message that this command prints without one: personal_sign (EIP-191) by the address's key, "
    "or what its contract confirms (EIP-1271; 0x where it has been signed on the chain)."
)
treasury = typer.Typer(help="The treasury that deposits are swept to: prepare another one.", no_args_is_help=True)


@treasury.callback()
def _group() -> None:
    """Keep the one command a command of its own."""


@treasury.command("rotate")
def rotate_treasury(
    chain: ChainName,
    address: Annotated[str, typer.Argument(help="The new treasury; its key is yours, and none of the stage's.")],
    signature: Annotated[str | None, typer.Option(help=ABOUT_SIGNATURE)] = None,
    nonce: Annotated[str | None, typer.Option(help="The nonce of the message that was signed.")] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(help="A file with the private key that pays for the contracts, in hexadecimal.", dir_okay=False),
    ] = None,
) -> None:
    """Prove that you control a new treasury, deploy its contracts, and print the parameter to set.

    Nothing of the stage is changed: deposits go on to the old treasury until the parameter is deployed. Without a key
    that pays, the transactions that deploy the contracts are printed, for any wallet.
    """
    found, settings = _checked(chain, address)
    if (signature is None) is not (nonce is None):
        raise _refusal("--signature and --nonce go together: the nonce is part of what was signed.")
    if signature is not None and nonce is not None:
        _prove(found, nonce, signature)
    elif not _is_the_signers(found):
        _ask_for_proof(found.network, found.treasury)
        return
    _deploy(found, key_file)
    _tell_what_is_next(found, settings)


def _checked(chain: str, address: str) -> tuple[ChainContracts, Settings]:
    """Refuse an address that deposits must not go to; return it with the contracts that follow from it."""
    from ctrip.bootstrap import stage
    from ctrip.domain.chains.kinds import rules_of, same
    from ctrip.domain.sweeping.treasury import OPERATOR, OPERATORS_OWN, operators_own, rotated
    from ctrip.networks import check_named, check_treasuries, load_networks

    check_named("CHAIN", [chain])
    settings = deployed.settings()
    network = load_networks(local=settings.local)[chain]
    if chain not in settings.chains:
        raise _refusal(f"{chain} is not enabled on this stage.")
    rules = rules_of(network)
    check_treasuries({chain: address}, settings.treasury_contract)
    shown_address = rules.shown(address)
    if same(settings.treasury_of(network), address):
        raise _refusal(f"{shown_address} is the treasury of {chain} already.")
    on = stage().adapters
    own = {index: on.signer.operators_address(network.kind, index) for index in OPERATORS_OWN}
    ours = operators_own(rules, address, own)
    if ours is None and on.payments.by_address(address) is not None:
        ours = f"{shown_address} is the address of a payment"
    if ours is not None:
        raise _refusal(f"{ours}: what is swept there would come back.")
    if rules.collector(shown_address, own[OPERATOR[1]]) is None:
        setting = rotated(
            settings.treasuries, load_networks(settings.chains, local=settings.local).values(), chain, shown_address
        )
        raise _refusal(
            f"Nothing is deployed for a treasury of {chain}, and this command cannot have its control proven. Send a "
            f"little there and back, then set the parameter Treasury to {setting} and deploy (locally: CTRIP_TREASURY)."
        )
    found = ChainContracts.of(chain, shown_address)
    told = int(tokens.rpc(found.urls[0], "eth_chainId"), 16)
    if told != network.chain_id:
        raise _refusal(f"The node is of chain {told}, and {chain} is {network.chain_id}.")
    return found, settings


def _ask_for_proof(network: Network, address: str) -> None:
    from ctrip.domain.sweeping.treasury import control_message

    nonce = f"{_today().isoformat()}-{token_hex(8)}"
    message = control_message(os.environ["CTRIP_STAGE"], network, address, nonce)
    if Output.as_json:
        shown({"message": message, "nonce": nonce})
        return
    command = f"ctrip --stage {os.environ['CTRIP_STAGE']} treasury rotate {network.name} {address}"
    typer.echo(f"Sign this text with the key of {address} (personal_sign), or have its contract confirm it:\n")
    typer.echo(f"{message}\n\nThen go on with\n  {command} --nonce {nonce} --signature 0x...")


def _prove(found: ChainContracts, nonce: str, signature: str) -> None:
    from ctrip.domain.sweeping.treasury import control_message, wrong_nonce

    if reason := wrong_nonce(nonce, _today()):
        raise _refusal(f"The nonce {reason}.")
    message = control_message(os.environ["CTRIP_STAGE"], found.network, found.treasury, nonce)
    if reason := control.refused(found.urls[0], found.treasury, message, signature.strip()):
        raise _refusal(f"Control of {found.treasury} is not proven: {reason}.")


def _is_the_signers(found: ChainContracts) -> bool:
    """Whether the signer has the new treasury's key: it has derived the address, which needs no other proof."""
    from ctrip.bootstrap import stage
    from ctrip.domain.chains.kinds import same
    from ctrip.domain.sweeping.treasury import TREASURY

    return same(stage().adapters.signer.operators_address(found.network.kind, TREASURY[1]), found.treasury)


def _deploy(found: ChainContracts, key_file: Path | None) -> None:
    """Deploy what is missing; without a key that pays, print the transactions, and say that they are missing."""
    missing = [each for each in found.made if not _there(found.urls[0], each)]
    payer = payer_of(key_file)
    if missing and payer is None:
        typer.echo("Send these, one after the other, from any wallet; then repeat this command.", err=True)
        shown(found.calls(), ("contract", "to", "data"))
        raise typer.Exit(EXIT_REFUSED)
    if missing and payer is not None:
        try:
            deployment.deploy(found.urls[0], found.made, payer)
        except RuntimeError as exc:
            raise _refusal(str(exc)) from None


def _there(rpc_url: str, creation: Any) -> bool:
    return str(tokens.rpc(rpc_url, "eth_getCode", creation.address, "latest")) == str(creation.runtime)


def _tell_what_is_next(found: ChainContracts, settings: Settings) -> None:
    from ctrip.domain.sweeping.treasury import rotated
    from ctrip.networks import load_networks

    name, address, old = found.network.name, found.treasury, settings.treasury_of(found.network)
    parameters = {
        "Treasury": rotated(
            settings.treasuries, load_networks(settings.chains, local=settings.local).values(), name, address
        )
    }
    code = str(tokens.rpc(found.urls[0], "eth_getCode", address, "latest"))
    if code not in ("0x", "") and not settings.treasury_may_be_contract(name):
        parameters["TreasuryContract"] = ",".join([*settings.treasury_contract, name])
    told: dict[str, Any] = {
        "chain": name,
        "old_treasury": old or None,
        "treasury": address,
        "batcher": found.pair.batcher.address,
        "delegate": found.pair.delegate.address,
        "problem": found.problem() or None,
        "parameters": parameters,
    }
    shown(told)
    if not Output.as_json:
        typer.echo(NEXT.format(stage=os.environ["CTRIP_STAGE"], old=old or "none", chain=name))


NEXT = """
Nothing of the stage has changed yet. What to do next:
  1. Set the parameters above: put them into a JSON file, and
     make deploy STAGE={stage} PARAMETERS=that-file.json
     (on the local stage: CTRIP_TREASURY and CTRIP_TREASURY_CONTRACT in .env).
  2. Deposits go to the new treasury from then on; addresses delegate to the new contracts with their next sweep, and
     a sweep to the old treasury that no block has taken is cancelled.
  3. Move what the old treasury ({old}) holds to the new one: the books have it there. Until then
     `ctrip reconcile explain {chain}` shows a difference.
  4. Unless the signer has the new treasury's key, settlements and refunds become instructions: `ctrip payouts list`."""


def _today() -> date:
    from ctrip.system import SystemClock

    return datetime.fromtimestamp(SystemClock().now() // 1000, UTC).date()


def _refusal(words: str) -> Exception:
    from ctrip.domain.errors import Refusal

    return Refusal(words)
