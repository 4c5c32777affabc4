"""`make clients`: what it takes for right, what it refuses to start without, and the gateway of tomorrow."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.clients import targets, tomorrow, versions
from infra.clients.report import COLUMNS, Row, amounts, later, table
from infra.stack.handle import Gateway
from infra.tools.errors import Refused
from infra.tools.process import ROOT

ETH, MOST = 25 * 10**18 + 1, 2**256 - 1
RIGHT = f"""amount {ETH} p1 {ETH} {ETH}
amount {MOST} p2 {MOST} {MOST}
status status_of_tomorrow
flag flag_of_tomorrow flag_of_tomorrow
field kept
listed status_of_tomorrow
code code_of_tomorrow
"""


def gateway(**held: int) -> Gateway:
    """A gateway that holds these amounts by payment id."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"amount": held[request.url.path.rsplit("/", 1)[1]]})

    return Gateway({}, httpx.Client(transport=httpx.MockTransport(answer), base_url="http://gateway.example"))


def row(said: str, **held: int) -> Row:
    """Judge a client that compiled and printed this."""
    made = Row(targets.TARGETS[0], {"generates": "yes", "compiles": "yes"})
    made.cells |= amounts(gateway(**({"p1": ETH, "p2": MOST, "none": 0} | held)), said) | later(said)
    return made


def test_a_client_that_reads_all_of_it_is_right() -> None:
    """And one that ignores what it does not know is right as well."""
    assert row(RIGHT).right
    assert row(RIGHT.replace("kept", "ignored")).right


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("25 ETH + 1 wei", RIGHT.replace(f"p1 {ETH}", f"p1 {25 * 10**18}")),
        ("25 ETH + 1 wei", RIGHT.replace(f"p1 {ETH} {ETH}", f"p1 {ETH} 1489240065")),
        ("2^256-1", RIGHT.replace(f"p2 {MOST}", "p2 0")),
        ("2^256-1", "\n".join(line for line in RIGHT.splitlines() if "p2" not in line)),
        ("new field", RIGHT.replace("field kept\n", "")),
        ("new status", RIGHT.replace("\nstatus status_of_tomorrow", "\nstatus None")),
        ("new status", RIGHT.replace("listed status_of_tomorrow", "listed pending")),
        ("new flag", RIGHT.replace("flag flag_of_tomorrow flag", "flag late flag")),
        ("new code", RIGHT.replace("code code_of_tomorrow\n", "")),
    ],
)
def test_a_client_that_misreads_one_thing_is_wrong(column: str, said: str) -> None:
    """It rounds, or throws halfway, or takes a status for none."""
    made = row(said)
    assert not made.right
    assert [name for name in COLUMNS if not made.cells[name].startswith("yes")] == [column]


def test_a_client_that_sent_another_amount_than_it_says_is_wrong() -> None:
    """What the gateway holds is read by our own means, not the client's."""
    assert not row(RIGHT, p1=25 * 10**18).right


def test_a_client_that_did_not_compile_has_no_further_cells() -> None:
    """And the table says of how many all is right."""
    broken = Row(targets.TARGETS[1], {"generates": "yes", "compiles": "no"})
    assert not broken.right
    lines = table([row(RIGHT), broken]).splitlines()
    assert "1 of 2 clients are right" in lines
    (line,) = (each for each in lines if each.startswith(broken.target.name))
    assert line.split()[-len(COLUMNS) :] == ["yes", "no", *"-" * (len(COLUMNS) - 2)]


def test_all_generators_that_are_promised_are_there() -> None:
    """Six languages; openapi-generator reads both renderings."""
    assert {each.name for each in targets.TARGETS} >= {
        *("typescript", "zod", "python", "oapi-go", "go", "java", "php", "rust"),
        *("go-3.0", "java-3.0", "php-3.0", "rust-3.0"),
    }
    assert {each.description for each in targets.TARGETS} == {"openapi.json", "openapi-3.0.json"}
    with pytest.raises(Refused, match="'cobol'"):
        targets.chosen(["go", "cobol"])


def test_every_version_is_pinned() -> None:
    """To one, each."""
    pinned = [*versions.NPM, *versions.HEY_API, *versions.PYPI, versions.TOKIO]
    assert [each for each in pinned if not re.search(r"(@|==|=)\d+\.\d+\.\d+$", each)] == []
    single = (versions.OPENAPI_GENERATOR, versions.MAVEN_DEPENDENCY_PLUGIN)
    single += (versions.OAPI_CODEGEN, versions.OAPI_CODEGEN_RUNTIME)
    assert [each for each in single if not re.fullmatch(r"v?\d+\.\d+\.\d+", each)] == []


def test_without_the_languages_it_says_in_one_line_what_to_install(tmp_path: Path) -> None:
    """Exit 2, before anything is started or fetched."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("CTRIP_")}
    done = subprocess.run(
        [sys.executable, "-m", "infra.clients"],
        cwd=ROOT,
        env=env | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    for words in versions.NEEDED.values():
        assert done.stderr.count(words) == 1


def test_an_answer_of_tomorrow_has_more_on_every_level() -> None:
    """A field in each object, a status, a flag and a code where there is one; a map of the merchant's own stays."""
    today = {"status": "paid", "exceptions": ["late"], "exception": None, "metadata": {"status": "x"}, "amount": MOST}
    grown = tomorrow.grown({"data": [today], "next_cursor": None, "code": "a"})
    later = {tomorrow.FIELD: {"nested": [1, "two", None]}}
    payment = today | later | {"status": tomorrow.STATUS, "exceptions": ["late", tomorrow.FLAG]}
    payment |= {"exception": tomorrow.FLAG}
    assert grown == {"data": [payment], "next_cursor": None, "code": tomorrow.CODE} | later


def test_the_proxy_hands_a_call_on_and_its_status_back() -> None:
    """Method, path, query, credential and body arrive; the amount is not rounded on the way."""
    seen: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.path, self.headers["Authorization"], json.loads(body)))
            self.send_response(201)
            self.end_headers()
            self.wfile.write(b'{"amount":%d}' % MOST)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with tomorrow.proxy(f"http://127.0.0.1:{server.server_port}") as url:
            headers = {"Authorization": "Bearer k"}
            answer = httpx.post(f"{url}/a?b=c%20d", json={"amount": "1"}, headers=headers, trust_env=False)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert seen == [("/a?b=c%20d", "Bearer k", {"amount": "1"})]
    assert answer.status_code == 201
    assert answer.json() == {"amount": MOST, tomorrow.FIELD: {"nested": [1, "two", None]}}
