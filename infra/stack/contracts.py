"""The contracts that sweep tokens and pay many, deployed by the deterministic deployer; anybody may pay for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.stack import tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ctrip.domain.chains.evm.sweep_contracts import Creation, SweepPair
    from infra.stack import wallet

# The deployer's own deployment, signed by nobody's key, as its authors published it; its sender must hold 0.01 coin.
DEPLOYERS_SENDER = "0x3fAB184622Dc19b6109349B94811493BF2a45362"
DEPLOYERS_COINS = 10**16
DEPLOYERS_DEPLOYMENT = (
    "0xf8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba0222222222222222222222222"
    "2222222222222222222222222222222222222222a02222222222222222222222222222222222222222222222222222222222222222"
)
# What that leaves: it calls CREATE2 with the salt and the code that it is sent.
DEPLOYERS_CODE = f"0x{DEPLOYERS_DEPLOYMENT[DEPLOYERS_DEPLOYMENT.index('7fff') : DEPLOYERS_DEPLOYMENT.rindex('1ba0')]}"
DEPLOYER = "0x4e59b44847b379578588920cA78FbF26c0B4956C"


def pair(treasury: str, operator: str) -> SweepPair:
    """Return the contracts of a treasury and an operator."""
    from ctrip.domain.chains.evm.sweep_contracts import sweep_pair

    return sweep_pair(treasury, operator)


def payer(treasury: str) -> Creation:
    """Return the contract that pays many for a treasury."""
    from ctrip.domain.chains.evm.sweep_contracts import payout_batcher

    return payout_batcher(treasury)


def deploy(rpc_url: str, made: Iterable[Creation], payer: wallet.Account) -> list[str]:
    """Deploy those that are not there yet, in their order; return the hashes of the transactions, which are mined.

    Raises `RuntimeError` where the chain has no deterministic deployer and takes none, or a contract is not there
    afterwards.
    """
    if not _code(rpc_url, DEPLOYER):
        _deploy_deployer(rpc_url, payer)
    sent = []
    for creation in made:
        if not _code(rpc_url, creation.address):
            sent.append(tokens.send(rpc_url, payer, to=DEPLOYER, data=creation.call))
            tokens.mined(rpc_url, sent[-1])
        if f"0x{_code(rpc_url, creation.address)}" != creation.runtime:
            raise RuntimeError(f"{creation.name} is not at {creation.address}")
    return sent


def _deploy_deployer(rpc_url: str, payer: wallet.Account) -> None:
    missing = DEPLOYERS_COINS - int(tokens.rpc(rpc_url, "eth_getBalance", DEPLOYERS_SENDER, "latest"), 16)
    if missing > 0:
        tokens.mined(rpc_url, tokens.send(rpc_url, payer, to=DEPLOYERS_SENDER, value=missing))
    # A node may refuse it, as it is of no chain: geth does without --rpc.allow-unprotected-txs.
    tokens.mined(rpc_url, tokens.rpc(rpc_url, "eth_sendRawTransaction", DEPLOYERS_DEPLOYMENT))


def _code(rpc_url: str, address: str) -> str:
    return str(tokens.rpc(rpc_url, "eth_getCode", address, "latest")).removeprefix("0x")
