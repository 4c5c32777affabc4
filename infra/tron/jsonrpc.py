"""JSON-RPC as java-tron speaks it: of the newest block alone, whatever block a call names in an object."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from infra.tron.chain import Block
from infra.tron.evm import EvmError, balance_params, call_params
from infra.tron.ledger import Ledger

_MOST_BLOCKS, _MOST_TOPICS, _MOST_LOGS = 5_000, 1_000, 10_000
_ABSENT = {"eth_getTransactionCount", "eth_sendRawTransaction"}
_ZERO = "0x" + "00" * 32

Calls = list[tuple[str, list[Any]]]


class RpcError(Exception):
    """A call that is answered with an error."""

    def __init__(self, code: int, message: str, *, bare: bool = False, nameless: bool = False) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message} | ({} if bare else {"data": "{}"})
        self.nameless = nameless


class Rpc:
    """One side's JSON-RPC."""

    def __init__(self, ledger: Ledger, *, solid: bool) -> None:
        self._ledger, self._solid = ledger, solid

    def answer(self, asked: Any) -> Any:
        """Answer one call, or many; a block may become final in between."""
        if not isinstance(asked, list):
            return self._one(asked)
        faults = self._ledger.faults
        torn = self._solid and len(asked) > 1 and faults.take("torn")
        if not torn:
            told = list(self._many(asked))
        else:
            half = len(asked) // 2
            told = list(self._many(asked[:half]))
            self._ledger.mine()
            told += self._many(asked[half:])
        if self._solid and not torn and faults.take("moves"):
            self._ledger.mine()
        return told

    def _one(self, asked: Any) -> Any:
        (told,) = self._many([asked])
        return told

    def _many(self, asked: Sequence[Any]) -> Iterator[Any]:
        """Answer calls in order; what the machine is asked is asked together."""
        prepared = [self._prepared(each) for each in asked]
        calls: Calls = [each for each in prepared if isinstance(each, tuple)]
        results = iter(list(self._ledger.world.evm.batch(calls))) if calls else iter(())
        for each, found in zip(asked, prepared, strict=True):
            outcome = next(results) if isinstance(found, tuple) else found
            yield _written(each, outcome)

    def _prepared(self, asked: Any) -> Any:
        """Return a result, a call for the machine, or the error."""
        try:
            method, params = asked["method"], asked.get("params", [])
            return self._answered(method, params)
        except RpcError as exc:
            return exc
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            return RpcError(-32600, "invalid json request", bare=True)

    def _answered(self, method: str, params: list[Any]) -> Any:
        if method in ("eth_getBalance", "eth_call"):
            return self._balance(params) if method == "eth_getBalance" else self._call(params)
        plain: dict[str, Callable[[], Any]] = {
            "eth_chainId": lambda: hex(self._ledger.options.chain_id),
            "eth_blockNumber": lambda: hex(self._newest.number),
            "eth_syncing": lambda: False,
            "eth_gasPrice": lambda: "0x64",
            "eth_getBlockByNumber": lambda: self._block(params),
            "eth_getLogs": lambda: self._logs(params),
        }
        if method in plain:
            return plain[method]()
        if method in _ABSENT:
            raise RpcError(-32601, f"the method {method} does not exist/is not available")
        raise RpcError(-32601, "method not found", bare=True)

    @property
    def _newest(self) -> Block:
        return self._ledger.solid if self._solid else self._ledger.head

    @property
    def _version(self) -> int | None:
        return self._ledger.solid.version if self._solid else None

    # -- state

    def _balance(self, params: list[Any]) -> tuple[str, list[Any]]:
        if not isinstance(params[1], str):
            raise RpcError(-32700, "JSON parse error", bare=True, nameless=True)
        _latest(params[1])
        return "eth_getBalance", balance_params(_address(params[0]), self._version)

    def _call(self, params: list[Any]) -> tuple[str, list[Any]]:
        if len(params) > 2:
            raise RpcError(-32602, "method parameters invalid", bare=True)
        call, at = params
        to = _address(call.get("to", ""))
        if isinstance(at, dict):
            self._known(at)
        else:
            _latest(at)
        if not self._ledger.world.is_contract(to, self._version):
            raise RpcError(-32000, "Smart contract is not exist.")
        data = bytes.fromhex(str(call.get("data", "")).removeprefix("0x"))
        return "eth_call", call_params(to, data, self._newest.environment, self._version)

    def _known(self, at: dict[str, Any]) -> None:
        """Check that a block exists, as a node does, before the answer is given from another one."""
        named = str(at.get("blockHash") or at.get("blockNumber"))
        if "blockHash" not in at:
            if self._ledger.block(int(named, 16), solid=self._solid) is None:
                raise RpcError(-32000, "header not found")
        elif self._by_hash(named) is None:
            raise RpcError(-32000, "header for hash not found")

    def _by_hash(self, named: str) -> Block | None:
        digits = named.removeprefix("0x")
        block = self._ledger.block(int(digits[:16], 16), solid=self._solid)
        return block if block and block.id == digits else None

    # -- blocks

    def _block(self, params: list[Any]) -> Any:
        block = self._numbered(params[0])
        return None if block is None else _block(block)

    def _numbered(self, tag: str) -> Block | None:
        if tag in ("latest", "pending"):
            return self._newest
        if tag == "finalized":
            return self._ledger.solid
        return self._ledger.block(0 if tag == "earliest" else int(tag, 16), solid=self._solid)

    # -- logs

    def _logs(self, params: list[Any]) -> list[dict[str, Any]]:
        asked = params[0]
        blocks = self._asked_blocks(asked)
        addresses, topics = _addresses(asked.get("address")), _topics(asked.get("topics") or [])
        found = [
            written
            for block in blocks
            for written in _logs_of(block)
            if (not addresses or written["address"] in addresses) and _fits(written["topics"], topics)
        ]
        if len(found) > _MOST_LOGS:
            raise RpcError(-32005, f"query returned more than {_MOST_LOGS} results")
        return found

    def _asked_blocks(self, asked: dict[str, Any]) -> list[Block]:
        if "blockHash" in asked:
            block = self._by_hash(asked["blockHash"])
            if block is None:
                raise RpcError(-32000, "header for hash not found")
            return [block]
        newest = self._newest.number
        first, last = (_height(asked.get(name, "latest"), newest) for name in ("fromBlock", "toBlock"))
        if first > last:
            raise RpcError(-32602, "please verify: fromBlock <= toBlock")
        if last - first > _MOST_BLOCKS:
            raise RpcError(-32602, f"exceed max block range: {_MOST_BLOCKS}")
        return self._ledger.blocks[first : min(last, newest) + 1]


def _latest(tag: str) -> None:
    """Refuse what java-tron refuses: there is no state of the past."""
    if tag == "latest":
        return
    if tag in ("earliest", "pending", "finalized"):
        raise RpcError(-32602, "TAG [earliest | pending | finalized] not supported")
    if tag.startswith("0x"):
        raise RpcError(-32602, "QUANTITY not supported, just support TAG as latest")
    raise RpcError(-32602, "invalid block number")


def _address(text: str) -> bytes:
    digits = text.removeprefix("0x")
    try:
        octets = bytes.fromhex(digits)
    except ValueError:
        octets = b""
    if len(octets) not in (20, 21):
        raise RpcError(-32602, "invalid address hash value")
    return octets[-20:]


def _height(tag: str, newest: int) -> int:
    if tag.startswith("0x"):
        return int(tag, 16)
    return 0 if tag == "earliest" else newest


def _addresses(asked: Any) -> set[str]:
    named = [asked] if isinstance(asked, str) else asked or []
    return {"0x" + _address(each).hex() for each in named}


def _topics(asked: Sequence[Any]) -> list[set[str]]:
    """Return what is allowed in each place; nothing: anything is."""
    places = [{each} if isinstance(each, str) else set(each or ()) for each in asked]
    if any(len(each) > _MOST_TOPICS for each in places):
        raise RpcError(-32602, f"exceed max topics: {_MOST_TOPICS}")
    return [{topic.lower() for topic in each} for each in places]


def _fits(topics: Sequence[str], wanted: Sequence[set[str]]) -> bool:
    return len(topics) >= len(wanted) and all(
        not each or topic in each for topic, each in zip(topics, wanted, strict=False)
    )


def _logs_of(block: Block) -> Iterator[dict[str, Any]]:
    index = 0
    for place, done in enumerate(block.transactions):
        for log in done.info.get("log", ()):
            yield {
                "address": "0x" + log.address.hex(),
                "blockHash": "0x" + block.id,
                "blockNumber": hex(block.number),
                "data": "0x" + log.data,
                "logIndex": hex(index),
                "removed": False,
                "topics": ["0x" + topic for topic in log.topics],
                "transactionHash": "0x" + done.signed.tx_id,
                "transactionIndex": hex(place),
            }
            index += 1


def _block(block: Block) -> dict[str, Any]:
    return {
        "baseFeePerGas": "0x0",
        "difficulty": "0x0",
        "extraData": "0x",
        "gasLimit": "0x0",
        "gasUsed": "0x0",
        "hash": "0x" + block.id,
        "logsBloom": "0x" + "00" * 256,
        "miner": "0x" + "00" * 19 + "01",
        "mixHash": _ZERO,
        "nonce": "0x0000000000000000",
        "number": hex(block.number),
        "parentHash": "0x" + block.parent,
        "receiptsRoot": _ZERO,
        "sha3Uncles": _ZERO,
        "size": "0xaf",
        "stateRoot": "0x",
        "timestamp": hex(block.time // 1000),
        "totalDifficulty": "0x0",
        "transactions": ["0x" + each.signed.tx_id for each in block.transactions],
        "transactionsRoot": "0x" + block.root,
        "uncles": [],
    }


def _written(asked: Any, outcome: Any) -> dict[str, Any]:
    told = {"jsonrpc": "2.0", "id": asked.get("id") if isinstance(asked, dict) else None}
    if isinstance(outcome, RpcError):
        return told | {"error": outcome.error} | ({"id": "null"} if outcome.nameless else {})
    if isinstance(outcome, EvmError):
        return told | {"error": {"code": -32000, "message": "REVERT opcode executed", "data": "{}"}}
    return told | {"result": outcome}
