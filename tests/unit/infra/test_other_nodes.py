"""A node of somebody else's under the local stack: what is refused, who funds, and geth that is built once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.nodes import build
from infra.stack import tokens, wallet
from infra.stack.settings import from_environment
from infra.tools.errors import Failed, Refused
from infra.tools.process import ROOT, base_env
from tests.evm_support import Proxy, free_port

COIN = 10**18
DEVELOPER = "0x" + "de" * 20


@pytest.fixture
def node() -> Iterator[Proxy]:
    """A node that answers what its rule says."""
    made = Proxy("")
    yield made
    made.close()


def answers(**results: Any) -> Callable[[Any], dict[str, Any]]:
    """Answer each method with what is given, or what a function makes of its parameters."""

    def rule(request: Any) -> dict[str, Any]:
        result = results[request["method"]]
        return {"result": result(*request["params"]) if callable(result) else result}

    return rule


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (answers(eth_chainId="0x1"), "is of chain 1; the local one is 31337"),
        (answers(eth_chainId="0x539"), "is of chain 1337; the local one is 31337"),
        (answers(eth_chainId="x"), "is of chain no number"),
        (answers(eth_chainId=None), "no node answers"),
        (lambda _: b"<html>", "no node answers"),
        (lambda _: b"[]", "no node answers"),
        (lambda _: 503, "no node answers"),
    ],
)
def test_another_chain_or_no_node_is_refused(node: Proxy, answer: Any, said: str) -> None:
    """In one sentence, without the part of the address in which providers put their keys."""
    node.rule = answer
    with pytest.raises(Refused, match=said) as refused:
        from_environment({"CTRIP_NODE_URL": f"{node.url}/v2/s3cr3t"})
    assert "s3cr3t" not in str(refused.value)
    assert "CTRIP_NODE_URL" in str(refused.value)


@pytest.mark.parametrize("text", ["127.0.0.1:8545", "ws://127.0.0.1:8545", "http://", "http://[", "node"])
def test_what_is_no_address_of_a_node_is_refused(text: str) -> None:
    """Before anything is asked."""
    with pytest.raises(Refused, match="CTRIP_NODE_URL is not an http address"):
        from_environment({"CTRIP_NODE_URL": text})


def test_a_node_that_is_not_there_is_one_line_at_once() -> None:
    """`make up` says so before it starts anything, with exit code 2."""
    url = f"http://127.0.0.1:{free_port()}"
    done = subprocess.run(
        [sys.executable, "-m", "infra.commands.up"],
        cwd=ROOT,
        env=base_env() | {"CTRIP_NODE_URL": url, "CTRIP_LOCAL_DIR": ".local-no-node"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [f"make up: no node answers at CTRIP_NODE_URL ({url}); start it first."]


def test_a_node_on_anvils_port_is_used_and_no_anvil_wants_that_port(node: Proxy) -> None:
    """The port is taken, by the very node that is named."""
    node.rule = answers(eth_chainId="0x7a69")
    port = node.url.rpartition(":")[2]
    ports = {"CTRIP_API_PORT": "0", "CTRIP_AWS_PORT": "0", "CTRIP_ANVIL_PORT": port}
    assert from_environment(ports | {"CTRIP_NODE_URL": node.url}).node_url == node.url
    with pytest.raises(Refused, match=f"port {port} is taken"):
        from_environment(ports)


# --- who funds


def funded(node: Proxy, **coins: int) -> list[dict[str, Any]]:
    """Let accounts have coins, one of them held by the node; return what it is asked to send."""
    balances = {address.lower(): each * COIN for address, each in coins.items()}
    sent: list[dict[str, Any]] = []
    node.rule = answers(
        eth_getBalance=lambda address, _: hex(balances.get(address.lower(), 0)),
        eth_accounts=[DEVELOPER],
        eth_sendTransaction=lambda fields: sent.append(fields) or "0xown",
        eth_sendRawTransaction="0xsigned",
        eth_gasPrice="0x3b9aca00",
        eth_chainId="0x7a69",
        eth_getTransactionCount="0x0",
        eth_estimateGas="0x5208",
    )
    return sent


def test_who_has_enough_is_given_nothing(node: Proxy) -> None:
    """No transaction, so that a second start on the same chain sends none."""
    treasury = wallet.treasury().address
    assert funded(node, **{treasury: 7}) == []
    assert tokens.fund(node.url, treasury, 7 * COIN) is None


def test_the_first_of_anvils_accounts_gives_where_it_can(node: Proxy) -> None:
    """Signed here: no node has to hold its key."""
    sent = funded(node, **{wallet.funded(0).address: 100, DEVELOPER: 100})
    assert tokens.fund(node.url, wallet.treasury().address, 5 * COIN) == "0xsigned"
    assert sent == []


@pytest.mark.parametrize("to", [wallet.funded(0).address, wallet.treasury().address])
def test_an_account_of_the_nodes_own_gives_where_anvils_have_nothing(node: Proxy, to: str) -> None:
    """As in geth's developer mode: exactly what is missing."""
    sent = funded(node, **{DEVELOPER: 100, to: 2})
    assert tokens.fund(node.url, to, 5 * COIN) == "0xown"
    assert sent == [{"from": DEVELOPER, "to": to, "value": hex(3 * COIN)}]


def test_a_node_on_which_nobody_has_coins_is_a_failure_that_names_who_should(node: Proxy) -> None:
    """Rather than a transaction that waits for ever."""
    funded(node)
    with pytest.raises(RuntimeError, match=f"neither {wallet.funded(0).address} nor an account of the node's own"):
        tokens.fund(node.url, wallet.treasury().address, COIN)


# --- geth, built once


GO = """#!/bin/sh
case "$1" in
    env) echo "{version}"; echo "{toolchain}" ;;
    *) mkdir -p "$GOBIN"; echo built > "$GOBIN/geth"; {end} ;;
esac
"""


def go(folder: Path, *, version: str = "go1.26.8", toolchain: str = "local", end: str = "exit 0") -> str:
    """Put a Go in a folder of its own, and return a path that finds it first."""
    program = folder / "path" / "go"
    program.parent.mkdir(exist_ok=True)
    program.write_text(GO.format(version=version, toolchain=toolchain, end=end))
    program.chmod(0o755)
    return f"{program.parent}:/usr/bin:/bin"


def test_geth_is_built_once_for_each_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is there is not built again, and needs no Go."""
    monkeypatch.setenv("PATH", go(tmp_path))
    first = build.geth(tmp_path / "tools", print)
    assert (first.read_text(), first.parent.name) == ("built\n", f"geth-{build.VERSION}")
    monkeypatch.setenv("PATH", "")
    assert build.geth(tmp_path / "tools", print) == first


def test_a_build_that_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not even where Go has written a program already: the next run builds again."""
    monkeypatch.setenv("PATH", go(tmp_path, end="echo 'checksum mismatch' >&2; exit 1"))
    with pytest.raises(Failed, match="checksum mismatch"):
        build.geth(tmp_path / "tools", print)
    assert list((tmp_path / "tools").iterdir()) == []


@pytest.mark.parametrize(
    ("version", "toolchain", "takes"),
    [
        ("go1.25.0", "local", True),
        ("go1.26.8", "local", True),
        ("go2.0", "local", True),
        ("go1.21.3", "auto", True),  # it fetches the Go that geth asks for
        ("go1.24.9", "local", False),
        ("go1.19.8", "", False),
        ("", "", False),
    ],
)
def test_a_go_that_cannot_build_geth_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, toolchain: str, takes: bool
) -> None:
    """With what to install."""
    monkeypatch.setenv("PATH", go(tmp_path, version=version, toolchain=toolchain))
    if takes:
        assert build.find_go()
        return
    with pytest.raises(Refused, match=r"Go 1\.25 or later; install it from https://go\.dev/dl"):
        build.find_go()


def test_without_go_make_nodes_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """That says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match=r"install it from https://go\.dev/dl \(no go was found\)"):
        build.geth(tmp_path / "tools", print)


def test_a_nonce_is_waited_for_that_a_node_does_not_count_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that mines at once may count a transaction neither as pending nor as mined; more than expected is told."""
    counts = iter(["0x0", "0x0", "0x1", "0x5"])
    monkeypatch.setattr(tokens, "rpc", lambda *_: next(counts))
    assert tokens._next_nonce("", "0xoperator", 1) == 1
    assert tokens._next_nonce("", "0xoperator", 1) == 5
