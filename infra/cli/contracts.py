"""`ctrip contracts`: those that sweep many addresses, or pay many, in one transaction, for a stage's treasury."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli import deployed
from infra.cli.shared import EXIT_REFUSED
from infra.cli.show import shown
from infra.stack import contracts as deployment
from infra.stack import wallet

if TYPE_CHECKING:
    from ctrip.domain.chains.assets import Network
    from ctrip.domain.chains.evm.sweep_contracts import Creation, SweepPair
    from ctrip.ports.transfers import Transfers

ChainName = Annotated[str, typer.Argument(help="A network of the stage.")]
contracts = typer.Typer(
    help="The contracts that sweep tokens and pay out in batches: show them, deploy them.", no_args_is_help=True
)


@contracts.command("show")
def show_contracts(chain: ChainName) -> None:
    """Print where a chain's contracts stand; 1 where tokens cannot be swept, or payouts made, in batches."""
    problem = ChainContracts.of(chain).show()
    if problem:
        raise typer.Exit(EXIT_REFUSED)


@contracts.command("deploy")
def deploy_contracts(
    chain: ChainName,
    key_file: Annotated[
        Path | None, typer.Option(help="A file with the private key that pays, in hexadecimal.", dir_okay=False)
    ] = None,
) -> None:
    """Deploy what is missing. Without a key: print the transactions, for any wallet to send one after the other.

    Anybody may send them: where a contract stands and what it does follows from treasury and operator alone. On the
    local stage the operator pays.
    """
    found = ChainContracts.of(chain)
    payer = payer_of(key_file)
    if payer is None:
        shown(found.calls(), ("contract", "to", "data"))
        return
    try:
        deployment.deploy(found.urls[0], found.made, payer)
    except RuntimeError as exc:
        typer.echo(f"ctrip: {exc}", err=True)
        raise typer.Exit(EXIT_REFUSED) from None
    if found.show():
        raise typer.Exit(EXIT_REFUSED)


class ChainContracts:
    """A chain of the stage, with the contracts of a treasury and its operator."""

    def __init__(
        self, network: Network, urls: tuple[str, ...], treasury: str, operator: str, *, pays: bool = False
    ) -> None:
        self.network, self.urls, self.treasury, self.operator = network, urls, treasury, operator
        self.pays = pays  # whether the treasury's key is the signer's: another one pays nothing out by itself

    @classmethod
    def of(cls, name: str, wanted: str = "") -> ChainContracts:
        """Read the stage's settings; refuses a chain without a treasury, and one of a kind without such contracts.

        Where another treasury is `wanted`, the contracts are that one's.
        """
        from ctrip.aws.secrets import read_endpoints
        from ctrip.bootstrap import stage
        from ctrip.domain.chains.kinds import rules_of, same
        from ctrip.domain.errors import ConfigurationError
        from ctrip.domain.sweeping.treasury import OPERATOR, TREASURY
        from ctrip.networks import check_named, load_networks

        check_named("CHAIN", [name])
        settings = deployed.settings()
        network = load_networks(local=settings.local)[name]
        treasury, rules = wanted or settings.treasury_of(network), rules_of(network)
        if not treasury:
            raise ConfigurationError(f"CTRIP_TREASURY names no treasury for {name}: the contracts follow from it.")
        signer = stage().adapters.signer
        operator = signer.operators_address(network.kind, OPERATOR[1])
        if rules.collector(treasury, operator) is None:
            raise ConfigurationError(f"There are no such contracts on {name}: its tokens are swept one by one.")
        secret = read_endpoints(os.environ["CTRIP_STAGE"])
        entries = (*settings.rpc.get(name, ()), *secret.get(name, ()), *network.rpc)
        urls = dict.fromkeys(each for each in entries if isinstance(each, str))
        pays = same(signer.operators_address(network.kind, TREASURY[1]), treasury)
        return cls(network, tuple(urls), treasury, operator, pays=pays)

    @property
    def pair(self) -> SweepPair:
        """Return the contracts."""
        return deployment.pair(self.treasury, self.operator)

    @property
    def made(self) -> tuple[Creation, ...]:
        """Return the contracts that are to be there, in the order of their deployment."""
        return (*self.pair, deployment.payer(self.treasury)) if self.pays else tuple(self.pair)

    def problem(self) -> str:
        """Say why batches cannot be sent, empty where they can."""
        return self._transfers().cannot_collect(self.treasury, self.operator)

    def show(self) -> str:
        """Print what there is; return why batches cannot be sent, empty where they can."""
        problem = self.problem()
        unpaid = self._transfers().cannot_pay_together(self.treasury) if self.pays else ""
        shown(
            {
                "chain": self.network.name,
                "treasury": self.treasury,
                "operator": self.operator,
                "batcher": self.pair.batcher.address,
                "delegate": self.pair.delegate.address,
                "payer": deployment.payer(self.treasury).address if self.pays else None,
                "problem": problem or unpaid or None,
            }
        )
        return problem or unpaid

    def calls(self) -> list[dict[str, Any]]:
        """Describe the transactions that deploy them."""
        from ctrip.domain.chains.evm.sweep_contracts import DEPLOYER

        return [{"contract": each.name, "to": DEPLOYER, "data": each.call} for each in self.made]

    def _transfers(self) -> Transfers:
        from ctrip.bootstrap import stage
        from ctrip.bootstrap.kinds import adapters_of
        from ctrip.system import SystemClock

        kind, clock, log = adapters_of(self.network), SystemClock(), stage().adapters.log("cli")
        return kind.transfers(self.network, kind.client(self.network, self.urls, clock), clock, log)


def payer_of(key_file: Path | None) -> wallet.Account | None:
    """Read the key that pays; on the local stage the operator's, elsewhere none without a file."""
    from ctrip import config

    if key_file is not None:
        from eth_account import Account

        account = Account.from_key(key_file.read_text().strip())
        return wallet.Account(account.address, "0x" + account.key.hex().removeprefix("0x"))
    return wallet.operator() if os.environ["CTRIP_STAGE"] == config.LOCAL else None
