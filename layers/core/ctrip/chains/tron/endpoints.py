"""One endpoint of a Tron network: the two sides of a node, which is checked to be of the network before first use.

What it bears is remembered: how much it answers at once, and what it does not offer.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from ctrip.chains.shared.endpoints import Meter, Window, names, secrets
from ctrip.chains.shared.errors import Reverted, Suspended, TooMuch, Unreachable, Unsupported
from ctrip.chains.shared.transport import JsonRpc, Transport, matched
from ctrip.chains.tron import codec
from ctrip.chains.tron.errors import NoPath, NoSolidSide, judge, readable, revert_words, translate
from ctrip.domain.breaker import Breaker
from ctrip.domain.chains.chain import Block
from ctrip.domain.errors import ChainError, WrongChain
from ctrip.domain.rpc import NodeEntry, RpcEntry

# How long an endpoint without a solid side is not asked for what only that side may answer.
BLIND_MS = 60_000
NOBODY = "41" + "00" * 20
_HEADER = {"detail": False}

RpcCall = tuple[str, list[Any]]


class Endpoint:
    """One node. Its name is the host alone, with the port on loopback: addresses and headers may hold a key.

    `voice` names whose word its answers are: the host of its solid side, and on loopback the port.
    """

    def __init__(
        self,
        entry: RpcEntry,
        chain_id: int,
        meter: Meter,
        jitter: Callable[[], float],
        seconds: float,
        now: Callable[[], int],
    ) -> None:
        node = entry if isinstance(entry, NodeEntry) else NodeEntry(entry, entry)
        self._full, self._solid = node.full.rstrip("/"), node.solid.rstrip("/")
        self.name, self.voice = names(urlsplit(node.solid))
        self.breaker = Breaker(jitter)
        self.wrong, self._answered, self._known = False, 0, set[str]()
        self.windows: dict[str, Window] = {}
        self.traits: dict[str, Any] = {}
        self.blind_until, self.blind_reason = 0, ""
        self._chain_id, self._now, self._meter = chain_id, now, meter
        self._secrets = _secrets(node)
        self._transport = Transport(seconds, dict(node.headers), judge)
        self.has_solid_rpc = bool(node.jsonrpc)
        # Without one of its own, a full node's JSON-RPC is asked about logs alone, up to a final block.
        self._rpc = JsonRpc(node.jsonrpc or f"{self._full}/jsonrpc", self._transport)

    def window(self, name: str, maximum: int, size: int = 0) -> Window:
        """Return the remembered window of one kind of question."""
        return self.windows.setdefault(name, Window(maximum, size))

    # -- which network it is of

    def chain_id(self) -> int:
        """Ask which network this is: the last four octets of its first block's id."""
        return self._genesis(self.solid)

    def check(self) -> None:
        """Refuse an endpoint of another network for good; its full side is checked when it is first asked."""
        if self.wrong:
            raise self._wrong_chain()
        if self.sees(self._now()):
            try:
                self._identify("solid", self.solid)
            except NoSolidSide:
                self._check_full()

    def _check_full(self) -> None:
        if self._full != self._solid or "solid" not in self._known:
            self._identify("full", self.full)

    def check_rpc(self) -> None:
        """Refuse an endpoint whose JSON-RPC is of another network."""
        if "rpc" not in self._known:
            self._accept("rpc", codec.quantity(self.rpc("eth_chainId", [])))

    def _identify(self, side: str, ask: Callable[[str, dict[str, Any]], Any]) -> None:
        if side not in self._known:
            self._accept(side, self._genesis(ask))

    def _accept(self, side: str, answered: int) -> None:
        self._answered = answered
        self.wrong = answered != self._chain_id
        if self.wrong:
            raise self._wrong_chain()
        self._known.add(side)

    def _genesis(self, ask: Callable[[str, dict[str, Any]], Any]) -> int:
        first = codec.table(ask("getblock", {"id_or_num": "0", **_HEADER}))
        found = codec.identifier(first["blockID"])
        if int(found[:16], 16) or codec.number(codec.table(first["block_header"]["raw_data"]), "number"):
            raise Unreachable(f"{self.name}: another block than the first")
        return int(found[-8:], 16)

    def _wrong_chain(self) -> WrongChain:
        return WrongChain(f"{self.name} is not chain {self._chain_id} but {self._answered}")

    # -- what people are told

    def sees(self, now: int) -> bool:
        """Say whether final blocks may be asked for."""
        return now >= self.blind_until

    def state(self, now: int) -> tuple[str, str, str]:
        """Return its name, its state and the reason, for people."""
        if self.wrong:
            return self.name, "wrong chain", f"answers chain id {self._answered}"
        if not self.breaker.closed(now):
            return self.name, "resting", self.breaker.reason
        if self.breaker.failures:
            return self.name, "unreachable", self.breaker.reason
        if self.blind_reason:
            return self.name, "no solid side", self.blind_reason
        return self.name, "usable", ""

    def rests(self, asked: Suspended) -> None:
        """Note that its provider keeps us out, where what was read before that is an answer all the same."""
        self.breaker.suspended(self._now(), asked.rest, str(asked).removeprefix(f"{self.name}: "))

    # -- questions

    def solid(self, path: str, asked: dict[str, Any]) -> Any:
        """Ask about final blocks alone. Raises `NoSolidSide` where the endpoint has no such side."""
        try:
            answer = self._post(f"{self._solid}/walletsolidity/", path, asked)
        except NoPath as exc:
            if path != "getblock":
                raise
            self.blind_until, self.blind_reason = self._now() + BLIND_MS, "it does not serve /walletsolidity"
            raise NoSolidSide(f"{self.name} has no solid side: it does not serve /walletsolidity") from exc
        self.blind_until, self.blind_reason = 0, ""
        return answer

    def full(self, path: str, asked: dict[str, Any]) -> Any:
        """Ask about everything that the node has heard of, what waits to be mined included."""
        if path != "getblock":
            self._check_full()
        return self._post(f"{self._full}/wallet/", path, asked)

    def header(self, height: int | None = None) -> Block | None:
        """Return a final block, the newest where none is named; None past the newest."""
        asked = _HEADER if height is None else {"id_or_num": str(height), **_HEADER}
        answer = codec.table(self.solid("getblock", asked))
        return codec.block(answer) if answer else None

    def head(self) -> Block:
        """Return the newest final block."""
        found = self.header()
        if found is None:
            raise Unreachable(f"{self.name}: no newest block")
        return found

    def constant(self, call: dict[str, Any], *, solid: bool = True) -> dict[str, Any]:
        """Run a contract's code without a transaction; raises what the node's error means, also of a revert."""
        asked = {"owner_address": NOBODY, **call}
        answer = codec.table((self.solid if solid else self.full)("triggerconstantcontract", asked))
        result = codec.table(answer.get("result", {}))
        message = readable(result.get("message", ""))
        if result.get("result") is not True:
            raise self.refusal(f"{result.get('code', '')} {message}".strip(), "triggerconstantcontract")
        outcome = codec.rows(codec.table(answer["transaction"]).get("ret"))
        if any(codec.table(each).get("ret") not in (None, "SUCESS", "SUCCESS") for each in outcome):
            failure = self.refusal(message, "triggerconstantcontract")
            raise failure if isinstance(failure, TooMuch) else Reverted(revert_words(message, answer, self._secrets))
        return answer

    def rpc(self, method: str, params: list[Any]) -> Any:
        """Return one JSON-RPC call's result, or raise what the node's error means."""
        self._meter.count((method,))
        answer = self._ask(lambda: self._rpc.call(method, params), "jsonrpc")
        if not isinstance(answer, dict) or ("error" not in answer and "result" not in answer):
            raise Unreachable(f"{self.name}: no JSON-RPC answer")
        return self._result(method, answer)

    def rpc_batch(self, calls: Sequence[RpcCall]) -> list[Any]:
        """Return each call's result in order; one that the node refused has its error in place of the result."""
        self._meter.count([method for method, _ in calls])
        answers = self._ask(lambda: self._rpc.batch(calls), "jsonrpc")
        if isinstance(answers, dict) or (isinstance(answers, list) and len(answers) == 1 and "error" in answers[0]):
            first = answers if isinstance(answers, dict) else answers[0]
            raise self._rpc_refusal("batch", first.get("error"))
        if not matched(answers, len(calls)):
            raise Unreachable(f"{self.name}: a batch's answers do not match its calls")
        return [self._item(method, answer) for (method, _), answer in zip(calls, answers, strict=True)]

    def refusal(self, text: str, where: str) -> ChainError:
        """Translate a node's words, without the secrets of this endpoint."""
        return translate(text, f"{self.name}: {where}", self._secrets)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return what is struck out of whatever the node answers."""
        return self._secrets

    def _item(self, method: str, answer: dict[str, Any]) -> Any:
        try:
            return self._result(method, answer)
        except Unreachable:
            raise
        except ChainError as exc:
            return exc

    def _result(self, method: str, answer: dict[str, Any]) -> Any:
        if answer.get("error") is not None:
            raise self._rpc_refusal(method, answer["error"])
        return answer["result"]

    def _rpc_refusal(self, method: str, error: Any) -> ChainError:
        details = error if isinstance(error, dict) else {"message": str(error)}
        text, code = str(details.get("message", "")), details.get("code")
        where = f"{self.name}: {method}"
        return translate(text, where, self._secrets, code if isinstance(code, int) else None)

    def _post(self, side: str, path: str, asked: dict[str, Any]) -> Any:
        self._meter.count((path,))
        answer = self._ask(lambda: json.loads(self._transport.post(side + path, json.dumps(asked).encode())), path)
        if isinstance(answer, dict) and "Error" in answer:
            raise self.refusal(str(answer["Error"]), path)
        if not isinstance(answer, dict | list):
            raise Unreachable(f"{self.name}: {path}: neither an object nor a list")
        return answer

    def _ask(self, ask: Callable[[], Any], path: str) -> Any:
        try:
            return ask()
        except Suspended as exc:
            raise Suspended(f"{self.name}: {path}: {exc}", exc.rest) from None
        except (Unreachable, Unsupported, TooMuch) as exc:
            raise type(exc)(f"{self.name}: {path}: {exc}") from None
        except ChainError:
            raise
        except Exception as exc:  # JSON, batches and URLs fail in many ways below here, and none of them is our fault
            raise Unreachable(f"{self.name}: {path}: garbage ({type(exc).__name__})") from None


def _secrets(node: NodeEntry) -> tuple[str, ...]:
    """Return what of an entry may be a key, the longest first: parts of its addresses, and its headers."""
    found = {word for url in (node.full, node.solid, node.jsonrpc) if url for word in secrets(urlsplit(url))}
    for _, value in node.headers:
        found |= {value, *value.split()}
    # The paths that every node has are none.
    return tuple(sorted(found - {"", "jsonrpc", "solid", "solid/jsonrpc"}, key=len, reverse=True))
