"""What it costs to pay merchants out: each by itself, and many in one transaction, on one chain in one run.

`python -m infra.bench.payouts` prints a table, with --json a line for each figure. What is measured is the gas of
transactions as the gateway plans them, to recipients that were never paid in that asset, and to those that were.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from infra.bench.figure import Figure
from infra.stack import contracts, wallet

MANY = (1, 10, 50)
SPENDING = 3  # the funded account that is the treasury
AMOUNT = 5_000_000


def figures() -> Iterator[Figure]:
    """Measure, and tell each figure as it comes."""
    from tests.evm_support import running_anvil

    with running_anvil() as anvil:
        token = anvil.tokens["USDC"]["address"]
        contracts.deploy(anvil.url, [contracts.payer(_treasury())], wallet.funded(0))
        anvil.pay(_treasury(), 100 * AMOUNT, token)
        allowed = _allow(anvil, token)
        for symbol, asset in (("USDC", token), ("ETH", None)):
            for known in (False, True) if asset else (True,):
                for many in MANY:
                    with anvil.scratch():
                        yield _beside(anvil, asset, symbol, many, known=known)
        yield Figure("gas to let the contract take a token, once", allowed, "gas")


def _beside(anvil: Any, token: str | None, symbol: str, many: int, *, known: bool) -> Figure:
    """Pay the same recipients by both methods."""
    from tests.evm_support import address

    recipients = [address(number) for number in range(many)]
    if known:
        for each in recipients:
            anvil.pay(each, 1, token)
    with anvil.scratch():
        alone = sum(_used(anvil, anvil.pay(each, AMOUNT, token, index=SPENDING)) for each in recipients)
    together = _together(anvil, token, recipients)
    whose = "once paid" if known else "never paid"
    return Figure(f"gas for each of {many} {symbol} payouts, {whose}", together / many, "gas", None, _told(alone, many))


def _told(alone: int, many: int) -> str:
    return f"{alone / many:,.0f} alone"


def _together(anvil: Any, token: str | None, recipients: list[str]) -> int:
    """Make the payouts in one transaction; one by itself too, which is never planned, as it saves nothing."""
    from ctrip.chains.evm.payouts import pay_together

    to, value, data = pay_together(_treasury(), token, [(each, AMOUNT) for each in recipients], 60_000)
    gas = 150_000 + len(recipients) * 90_000
    return _used(anvil, anvil.send(to, data, value=value, index=SPENDING, gas=gas))


def _allow(anvil: Any, token: str) -> int:
    from ctrip.domain.chains.evm.pay_call import approve_data

    return _used(anvil, anvil.send(token, approve_data(contracts.payer(_treasury()).address), index=SPENDING))


def _treasury() -> str:
    return wallet.funded(SPENDING).address


def _used(anvil: Any, sent: str) -> int:
    return int(anvil.rpc("eth_getTransactionReceipt", sent)["gasUsed"], 16)


def main() -> int:
    """Print the figures."""
    for figure in figures():
        print(figure.line() if "--json" in sys.argv else figure.row(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
