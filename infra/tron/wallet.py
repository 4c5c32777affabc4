"""The paths below /wallet and /walletsolidity: what each answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from infra.tron import answers, constants, stakes
from infra.tron.chain import Block
from infra.tron.ledger import Ledger
from infra.tron.parameters import PARAMETERS
from infra.tron.refusals import Refusal
from infra.tron.requests import NoPath, address, number, octets, wrong
from infra.tron.wire import octets as written
from infra.tron.wire import parse

Asked = dict[str, Any]
Path = Callable[[Any, Asked], Any]
_MOST_BLOCKS = 100


class Wallet:
    """One side of the node."""

    def __init__(self, ledger: Ledger, *, solid: bool) -> None:
        self._ledger, self._solid = ledger, solid
        self._world = ledger.world

    def answer(self, path: str, asked: Asked) -> Any:
        """Answer one request; raises `NoPath` where this side has no such path."""
        found = self._BOTH.get(path) or (None if self._solid else self._FULL.get(path))
        if found is None or (self._solid and self._ledger.faults.blind):
            raise NoPath(path)
        return found(self, asked)

    # -- blocks

    def _now_block(self, asked: Asked) -> Any:
        return answers.whole(self._newest, _writer(asked))

    def _block(self, asked: Asked) -> Any:
        block = self._named(asked)
        if block is None:
            return {}
        detailed = asked.get("detail") in (True, "true")
        return answers.whole(block, _writer(asked)) if detailed else answers.header(block)

    def _block_by_number(self, asked: Asked) -> Any:
        block = self._ledger.block(number(asked, "num"), solid=self._solid)
        return answers.whole(block, _writer(asked)) if block else {}

    def _blocks(self, asked: Asked) -> Any:
        first, end = number(asked, "startNum"), number(asked, "endNum")
        if not 0 <= first < end <= first + _MOST_BLOCKS:
            return {}
        found = (self._ledger.block(each, solid=self._solid) for each in range(first, end))
        return answers.lean({"block": [answers.whole(each, _writer(asked)) for each in found if each]})

    def _named(self, asked: Asked) -> Block | None:
        wanted = str(asked.get("id_or_num", ""))
        if not wanted:
            return self._newest
        if len(wanted) == 64:
            block = self._ledger.block(int(wanted[:16], 16), solid=self._solid)
            return block if block and block.id == wanted else None
        return self._ledger.block(number(asked, "id_or_num"), solid=self._solid)

    # -- transactions

    def _transaction(self, asked: Asked) -> Any:
        found = self._ledger.find(str(asked.get("value", "")), solid=self._solid)
        return answers.transaction(found[0], _writer(asked)) if found else {}

    def _info(self, asked: Asked) -> Any:
        found = self._ledger.find(str(asked.get("value", "")), solid=self._solid)
        if found is None or found[1] is None:
            return {}
        return answers.info(found[0], found[1], _writer(asked), internal=self._keeps_internal)

    def _infos(self, asked: Asked) -> Any:
        block = self._ledger.block(number(asked, "num"), solid=self._solid)
        done = block.transactions if block else ()
        assert block or not done
        return [answers.info(each, block, _writer(asked), internal=self._keeps_internal) for each in done if block]

    @property
    def _keeps_internal(self) -> bool:
        return not self._ledger.faults.no_internal

    def _broadcast_hex(self, asked: Asked) -> Any:
        raw = octets(asked, "transaction")
        try:
            signed = parse(raw)
        except ValueError as exc:
            raise wrong("com.google.protobuf.InvalidProtocolBufferException", str(exc)) from exc
        told: dict[str, Any] = {"result": True, "code": "SUCCESS", "txid": signed.tx_id, "message": ""}
        try:
            self._ledger.broadcast(raw)
        except Refusal as refusal:
            told |= {"result": False, "code": refusal.code, "message": refusal.message}
        return told | {"transaction": answers.as_text(signed)}

    def _broadcast(self, asked: Asked) -> Any:
        raw = written(1, octets(asked, "raw_data_hex"))
        signatures = asked.get("signature", [])
        raw += b"".join(written(2, octets({"signature": each}, "signature")) for each in signatures)
        try:
            signed = parse(raw)
        except ValueError as exc:
            raise wrong("com.google.protobuf.InvalidProtocolBufferException", str(exc)) from exc
        try:
            self._ledger.broadcast(raw)
        except Refusal as refusal:
            return {"code": refusal.code, "txid": signed.tx_id, "message": refusal.message.encode().hex()}
        return {"result": True, "txid": signed.tx_id}

    # -- accounts

    def _account(self, asked: Asked) -> Any:
        who = address(asked, "address")
        held = self._world.accounts.get(who, self._version)
        if held is None:
            return {}
        balance = self._world.evm.balance(who, self._version)
        return answers.account(who, held, balance, _writer(asked))

    def _resources(self, asked: Asked) -> Any:
        held = self._world.accounts.get(address(asked, "address"), self._version)
        network = self._world.network(self._version)
        return answers.resources(held, network, self._newest.time) if held else {}

    def _account_balance(self, asked: Asked) -> Any:
        self._need_history()
        who = address({**asked, **dict(asked.get("account_identifier", {}))}, "address")
        block = self._identified(dict(asked.get("block_identifier", {})))
        changed = [
            each
            for each in self._ledger.blocks[: block.number + 1]
            if any(who == moved for done in each.transactions for moved, _ in done.moves)
        ]
        shown = changed[-1] if changed else block
        balance = self._world.evm.balance(who, block.version)
        return {"balance": balance, "block_identifier": {"hash": shown.id, "number": shown.number}}

    def _block_balance(self, asked: Asked) -> Any:
        self._need_history()
        return answers.balance_trace(self._identified(asked), _writer(asked))

    def _identified(self, asked: Asked) -> Block:
        block = self._ledger.block(number(asked, "number"), solid=False)
        if block is None or block.id != asked.get("hash"):
            raise wrong("java.lang.IllegalArgumentException", "number and hash do not match")
        return block

    def _need_history(self) -> None:
        if self._ledger.faults.no_history:
            raise wrong("org.tron.core.exception.ItemNotFoundException", "this API is closed")

    # -- stakes

    def _loans(self, asked: Asked) -> Any:
        owner, to = address(asked, "fromAddress"), address(asked, "toAddress")
        lent = self._world.loans.get((owner, to), self._version)
        if lent is None:
            return {}
        write = _writer(asked)
        amounts = {"frozen_balance_for_bandwidth": lent[0], "frozen_balance_for_energy": lent[1]}
        return {"delegatedResource": [{"from": write(owner), "to": write(to)} | answers.lean(amounts)]}

    def _loan_index(self, asked: Asked) -> Any:
        who, write = address(asked, "value"), _writer(asked)
        pairs = [pair for pair, _ in self._world.loans.items(self._version)]
        to = [write(other) for owner, other in pairs if owner == who]
        froms = [write(owner) for owner, other in pairs if other == who]
        return {"account": write(who)} | answers.lean({"fromAccounts": froms, "toAccounts": to})

    def _lendable(self, asked: Asked) -> Any:
        held = self._world.accounts.get(address(asked, "owner_address"), self._version)
        if held is None:
            return {}
        resource = number(asked, "type")
        most = stakes.lendable(self._world, held, resource, self._newest.time, self._version)
        return answers.lean({"max_size": most})

    # -- contracts

    def _constant(self, asked: Asked) -> Any:
        return constants.trigger(self._ledger, asked, solid=self._solid)

    def _estimate(self, asked: Asked) -> Any:
        return constants.estimate(self._ledger, asked, solid=self._solid)

    def _contract(self, asked: Asked) -> Any:
        who = address(asked, "value")
        code = self._world.evm.code(who, self._version)
        if not code:
            return {}
        write = _writer(asked)
        return {"origin_address": write(bytes(19) + b"\x02"), "contract_address": write(who), "bytecode": code}

    def _contract_info(self, asked: Asked) -> Any:
        contract = self._contract(asked)
        if not contract:
            return {}
        factor = self._world.factors.get(address(asked, "value"), 0)
        state = {"update_cycle": 1, "energy_usage": 1} | answers.lean({"energy_factor": factor})
        return {"smart_contract": contract, "runtimecode": contract["bytecode"], "contract_state": state}

    # -- the node

    def _parameters(self, asked: Asked) -> Any:
        rows = [{"key": key} | ({"value": value} if value else {}) for key, value in PARAMETERS.items()]
        return {"chainParameter": rows}

    def _node(self, asked: Asked) -> Any:
        head, solid = self._ledger.head, self._ledger.solid
        return {
            "block": f"Num:{head.number},ID:{head.id}",
            "solidityBlock": f"Num:{solid.number},ID:{solid.id}",
            "configNodeInfo": {"codeVersion": "4.8.0"},
        }

    @property
    def _newest(self) -> Block:
        return self._ledger.solid if self._solid else self._ledger.head

    @property
    def _version(self) -> int | None:
        """Return which state is read: the full side shows what waits, too."""
        return self._ledger.solid.version if self._solid else None

    _BOTH: ClassVar[dict[str, Path]] = {
        "getnowblock": _now_block,
        "getblock": _block,
        "getblockbynum": _block_by_number,
        "getblockbylimitnext": _blocks,
        "gettransactionbyid": _transaction,
        "gettransactioninfobyid": _info,
        "gettransactioninfobyblocknum": _infos,
        "getaccount": _account,
        "triggerconstantcontract": _constant,
        "estimateenergy": _estimate,
        "getdelegatedresourcev2": _loans,
        "getdelegatedresourceaccountindexv2": _loan_index,
        "getcandelegatedmaxsize": _lendable,
        "getnodeinfo": _node,
    }
    _FULL: ClassVar[dict[str, Path]] = {
        "broadcasthex": _broadcast_hex,
        "broadcasttransaction": _broadcast,
        "getaccountresource": _resources,
        "getaccountbalance": _account_balance,
        "getblockbalance": _block_balance,
        "getcontract": _contract,
        "getcontractinfo": _contract_info,
        "getchainparameters": _parameters,
    }


def _writer(asked: Asked) -> answers.Writer:
    return answers.writer(asked.get("visible") in (True, "true"))
