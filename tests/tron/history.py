"""One life of a stand-in in which everything happens that was recorded of a real node, and how each is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from infra.tron import token, wire
from infra.tron.keys import Key
from tests.tron.node import (
    ALICE,
    BANK,
    BOB,
    CAROL,
    LENDER,
    SPLITTER,
    TRX,
    Node,
    call_data,
    word,
)

USDT = token.USDT
NEW = Key.of("new").address


@dataclass(slots=True)
class History:
    """A stand-in with a past, and the transactions of it by name."""

    node: Node
    sent: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, tx_id: str) -> None:
        """Remember a transaction, and mine it in a block of its own."""
        self.sent[name] = tx_id
        self.node.standin.mine()

    def info(self, name: str, *, solid: bool = False) -> Any:
        """Return what became of a transaction."""
        return self.node.info(self.sent[name], solid=solid)

    def transaction(self, name: str) -> Any:
        """Return a transaction."""
        return self.node.ask("/wallet/gettransactionbyid", value=self.sent[name])

    def number(self, name: str) -> int:
        """Return the number of a transaction's block."""
        return int(self.info(name)["blockNumber"])

    def block(self, name: str) -> Any:
        """Return a transaction's block."""
        return self.node.ask("/wallet/getblockbynum", num=self.number(name))

    def infos(self, name: str) -> Any:
        """Return what became of all in a transaction's block."""
        return self.node.ask("/wallet/gettransactioninfobyblocknum", num=self.number(name))

    def identified(self, name: str) -> dict[str, Any]:
        """Name a transaction's block by number and hash."""
        return {"hash": self.block(name)["blockID"], "number": self.number(name)}


def lived(node: Node) -> History:
    """Live it: the bank has no free bytes left, as the recorded account had none."""
    past, standin = History(node), node.standin
    standin.pay(BANK, CAROL.address, TRX)
    node.spend_free_bytes(BANK)
    standin.grant(NEW, 5 * TRX)
    past.add("activation", standin.pay(BANK, ALICE.address, 50 * TRX))
    past.add("coins", standin.pay(BANK, ALICE.address, TRX))
    past.add("memo", standin.pay(BANK, ALICE.address, TRX, memo=b"memo: invoice 42"))
    past.add("new holder", standin.pay_token(BANK, BOB.address, 10**9))
    past.add("holder", standin.pay_token(BANK, ALICE.address, 10**9))
    past.add("out of energy", standin.pay_token(BANK, CAROL.address, 1, fee_limit=TRX))
    standin.place(SPLITTER, "TronSplitter")
    split = call_data("split(address[])", 32, 2, word(BOB), word(CAROL))
    past.add("split", standin.trigger(BANK, SPLITTER, split, value=5 * TRX))
    attempt = call_data("attempt(address)", word(USDT))
    past.add("caught", standin.trigger(BANK, SPLITTER, attempt, value=TRX))
    fail = call_data("fail(address)", word(CAROL))
    past.add("undone", standin.trigger(BANK, SPLITTER, fail, value=TRX))
    itself = call_data("split(address[])", 32, 1, word(SPLITTER))
    past.add("itself", standin.trigger(BANK, SPLITTER, itself, value=TRX))
    _lend(past)
    _trouble(past)
    standin.send(LENDER, wire.Call(kind=wire.FREEZE, owner=LENDER.short, amount=10**10))
    standin.pay(LENDER, CAROL.address, 1)
    standin.settle()
    standin.mine()
    return past


def _lend(past: History) -> None:
    standin = past.node.standin
    standin.grant(LENDER.address, 2 * 10**12)
    standin.send(LENDER, wire.Call(kind=wire.FREEZE, owner=LENDER.short, amount=10**12, resource=wire.ENERGY))
    loan = wire.Call(kind=wire.DELEGATE, owner=LENDER.short, to=ALICE.short, amount=10**11, resource=wire.ENERGY)
    standin.send(LENDER, loan)
    past.add("lent energy", standin.pay_token(ALICE, BOB.address, 1))
    standin.factor(USDT, 2_000)
    standin.mine(seconds=86_400)
    past.add("capped", standin.pay_token(ALICE, BOB.address, 1, fee_limit=TRX))
    past.node.spend_free_bytes(CAROL)
    standin.grant(CAROL.address, 100 * TRX)
    standin.pay_token(BANK, CAROL.address, 10**6)
    past.add("busy", standin.pay_token(CAROL, BOB.address, 1))
    standin.factor(USDT, 0)


def _trouble(past: History) -> None:
    standin = past.node.standin
    standin.trigger(BANK, USDT, call_data("setParams(uint256,uint256)", 10, 49))
    standin.grant(BOB.address, 500 * TRX)
    past.node.spend_free_bytes(BOB)
    past.add("share", standin.pay_token(BOB, CAROL.address, 10**6))
    standin.trigger(BANK, USDT, call_data("addBlackList(address)", word(BOB)))
    past.add("blacklisted", standin.pay_token(BOB, CAROL.address, 1))
    past.node.spend_free_bytes(BANK)
    past.add("destroyed", standin.trigger(BANK, USDT, call_data("destroyBlackFunds(address)", word(BOB))))


Question = Callable[[History], Any]


def _constant(contract: str, text: str, *given: int, solid: bool = False) -> Question:
    def ask(past: History) -> Any:
        side = "walletsolidity" if solid else "wallet"
        return past.node.ask(
            f"/{side}/triggerconstantcontract",
            owner_address=(b"\x41" + BANK.short).hex(),
            contract_address=f"41{word(contract):040x}",
            function_selector=text,
            parameter="".join(f"{each:064x}" for each in given),
        )

    return ask


def _busy(question: Question) -> Question:
    """Ask while the token is busy."""

    def ask(past: History) -> Any:
        past.node.standin.factor(USDT, 2_000)
        try:
            return question(past)
        finally:
            past.node.standin.factor(USDT, 0)

    return ask


def _with(question: Question, **faults: Any) -> Question:
    """Ask while something goes wrong."""

    def ask(past: History) -> Any:
        past.node.standin.fault(**faults)
        try:
            return question(past)
        finally:
            past.node.ask("/_control/reset")

    return ask


def _account_balance(address: str, name: str, **changed: Any) -> Question:
    return lambda past: past.node.ask(
        "/wallet/getaccountbalance",
        account_identifier={"address": address},
        block_identifier=past.identified(name) | changed,
    )


def _estimate(*given: int) -> Question:
    return _with(
        lambda past: past.node.ask(
            "/wallet/estimateenergy",
            owner_address=(b"\x41" + BANK.short).hex(),
            contract_address=f"41{word(USDT):040x}",
            function_selector="transfer(address,uint256)",
            parameter="".join(f"{each:064x}" for each in given),
        ),
        no_estimate=False,
    )


def _hex(key: Any) -> str:
    return f"41{word(key):040x}"


CALL = {"to": f"0x{word(USDT):040x}", "data": "0x" + call_data("balanceOf(address)", word(ALICE)).hex()}
HOLDER = f"0x{word(ALICE):040x}"
_TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


def _logs(past: History) -> Any:
    asked = {
        "fromBlock": "0x0",
        "toBlock": "latest",
        "address": [CALL["to"]],
        "topics": [_TRANSFER, None, ["0x" + f"{word(BOB):064x}", "0x" + f"{word(ALICE):064x}"]],
    }
    return past.node.rpc("eth_getLogs", asked)


def _batch(past: History) -> Any:
    header = ("eth_getBlockByNumber", ["latest", False])
    calls = [header, ("eth_getBalance", [HOLDER, "latest"]), ("eth_call", [CALL, "latest"]), header]
    asked = [{"jsonrpc": "2.0", "id": i, "method": m, "params": p} for i, (m, p) in enumerate(calls)]
    return past.node.http.post("/solid/jsonrpc", json=asked).json()


def _at_named_block(past: History) -> Any:
    block = past.identified("coins")["hash"]
    return past.node.rpc("eth_call", CALL, {"blockHash": f"0x{block}", "requireCanonical": True})


def _deployless(past: History) -> Any:
    return past.node.probe(ALICE.address, solid=False)


QUESTIONS: dict[str, Question] = {
    "block_infos_with_internal": lambda past: past.infos("split"),
    "block_infos_with_usdt_transfer": lambda past: past.infos("new holder"),
    "block_with_internal": lambda past: past.block("split"),
    "block_with_usdt_transfer": lambda past: past.block("new holder"),
    "constant_deployless_one": _deployless,
    "constant_env_full": _constant(USDT, "totalSupply()"),
    "constant_env_solidity": _constant(USDT, "totalSupply()", solid=True),
    "constant_no_such_contract": _constant(CAROL.address, "x()"),
    "constant_probe_TRX_100": _deployless,
    "constant_revert": _constant(USDT, "transfer(address,uint256)", 5, 10**30),
    "constant_timeout": _with(_deployless, words=1),
    "constant_usdt_transfer": _constant(USDT, "transfer(address,uint256)", 5, 5),
    "estimateenergy": _estimate(5, 5),
    "estimateenergy_revert": _estimate(5, 10**30),
    "eth_call_blockHash_requireCanonical": _at_named_block,
    "eth_call_blockNumber": lambda past: past.node.rpc("eth_call", CALL, {"blockNumber": "0x1"}),
    "eth_call_latest": lambda past: past.node.rpc("eth_call", CALL, "latest"),
    "eth_gasPrice": lambda past: past.node.rpc("eth_gasPrice"),
    "eth_getBalance_latest": lambda past: past.node.rpc("eth_getBalance", HOLDER, "latest"),
    "eth_getBlockByNumber": lambda past: past.node.rpc("eth_getBlockByNumber", "0x0", False),
    "eth_getLogs_blockHash": lambda past: past.node.rpc(
        "eth_getLogs", {"blockHash": f"0x{past.identified('new holder')['hash']}"}
    ),
    "eth_getLogs_topics": _logs,
    "eth_syncing": lambda past: past.node.rpc("eth_syncing"),
    "getaccount_solidity": lambda past: past.node.ask("/walletsolidity/getaccount", address=_hex(NEW)),
    "getaccount_unknown": lambda past: past.node.ask("/wallet/getaccount", address="41" + "ab" * 20),
    "getaccount_visible": lambda past: past.node.ask("/wallet/getaccount", address=NEW, visible=True),
    "getaccountbalance_early": _account_balance(_hex(ALICE), "activation"),
    "getaccountbalance_ok": _account_balance(_hex(ALICE), "memo"),
    "getaccountbalance_unknown": _account_balance("41" + "ab" * 20, "coins"),
    "getaccountbalance_wrong_hash": _account_balance(_hex(ALICE), "coins", hash="00" * 32),
    "getaccountresource_staked": lambda past: past.node.ask("/wallet/getaccountresource", address=_hex(LENDER)),
    "getblock_head_header_only": lambda past: past.node.ask("/wallet/getblock", detail=False),
    "getblock_header_only": lambda past: past.node.ask("/wallet/getblock", id_or_num="2", detail=False),
    "getblockbalance": lambda past: past.node.ask("/wallet/getblockbalance", **past.identified("split")),
    "getblockbylimitnext": lambda past: past.node.ask(
        "/wallet/getblockbylimitnext", startNum=past.number("activation"), endNum=past.number("coins") + 1
    ),
    "getchainparameters": lambda past: past.node.ask("/wallet/getchainparameters"),
    "getnowblock": lambda past: past.node.ask("/wallet/getnowblock"),
    "gettransactionbyid_trc20": lambda past: past.transaction("new holder"),
    "gettransactionbyid_unknown": lambda past: past.node.ask("/wallet/gettransactionbyid", value="00" * 32),
    "solid_Probe_json_mixed": _busy(lambda past: past.node.probe(ALICE.address, contract=USDT)),
    "solid_eth_getBlockByNumber_latest": lambda past: past.node.rpc(
        "eth_getBlockByNumber", "latest", False, side="/solid/jsonrpc"
    ),
    "solid_getnowblock_after_probe": lambda past: past.node.ask("/walletsolidity/getnowblock"),
    "solid_gettransactioninfobyid": lambda past: past.info("new holder", solid=True),
    "solid_jsonrpc_batch": _batch,
    "solid_lean_probe_TRX_5": lambda past: past.node.probe(ALICE.address),
    "solid_lean_probe_USDT_5": _busy(lambda past: past.node.probe(ALICE.address, BOB.address, contract=USDT)),
    "constant_probe_USDT_100": lambda past: past.node.probe(ALICE.address, contract=USDT, solid=False),
    "tx_internal_transfer": lambda past: past.transaction("split"),
    "tx_memo": lambda past: past.transaction("memo"),
    "tx_reverted": lambda past: past.transaction("undone"),
    "tx_trx_transfer": lambda past: past.transaction("coins"),
    "txinfo_blacklisted_sender": lambda past: past.info("blacklisted"),
    "txinfo_destroy_black_funds": lambda past: past.info("destroyed"),
    "txinfo_fee_limit_caps_staked_energy": lambda past: past.info("capped"),
    "txinfo_inner_revert_caught": lambda past: past.info("itself"),
    "txinfo_internal_send_failed_inside": lambda past: past.info("caught"),
    "txinfo_internal_transfer_new_accounts": lambda past: past.info("split"),
    "txinfo_memo": lambda past: past.info("memo"),
    "txinfo_out_of_energy": lambda past: past.info("out of energy"),
    "txinfo_reverted_internal": lambda past: past.info("undone"),
    "txinfo_sweep_delegated_energy": lambda past: past.info("lent energy"),
    "txinfo_trx_transfer": lambda past: past.info("coins"),
    "txinfo_trx_transfer_activation": lambda past: past.info("activation"),
    "txinfo_usdt_transfer_new_holder": lambda past: past.info("new holder"),
    "txinfo_usdt_with_basis_points_fee": lambda past: past.info("share"),
    "txinfo_usdt_with_energy_penalty": lambda past: past.info("busy"),
}
