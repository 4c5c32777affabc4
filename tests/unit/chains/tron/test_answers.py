"""Whatever a node of Tron answers, its client raises one of its errors or reads what is there: no false zero."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctrip.chains.tron import codec
from ctrip.chains.tron.client import TronChain
from ctrip.domain.chains.chain import Arrivals, BalanceQuery, Block
from ctrip.domain.errors import ChainError, Reverts
from tests.evm_support import TestClock
from tests.tron_support import NETWORK, NOW, USDT, block_id, chain_block, constant, recorded

JUNK = [None, [], {}, "", -1, True, 1.5, "zz", "5", 2**70, ["x"], {"x": "y"}]
AT = chain_block(549)
OWN = codec.address("4105af5fa670e0f7f3b4e9d264c0474b8885455f81")
TX = recorded("txinfo_usdt_transfer_new_holder")["id"]
GENESIS = {"blockID": "0" * 56 + f"{NETWORK.chain_id:08x}", "block_header": {"raw_data": {"parentHash": "ab" * 32}}}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)


def header(number: int) -> dict[str, Any]:
    """Write a header as nodes do."""
    block = chain_block(number)
    raw = {"number": number, "parentHash": block.parent, "timestamp": block.time}
    return {"blockID": block.hash, "block_header": {"raw_data": raw}}


def chain_that(answer: Callable[[str, Any], Any]) -> TronChain:
    """Make a client whose node answers as told, and is of the right network."""
    chain = TronChain(NETWORK, ["http://127.0.0.1:9"], TestClock(NOW))
    endpoint = chain._pool.endpoints[0]

    def post(url: str, data: bytes) -> bytes:
        asked = json.loads(data)
        path = url.rsplit("/", 1)[-1]
        found = GENESIS if isinstance(asked, dict) and asked.get("id_or_num") == "0" else answer(path, asked)
        return found if isinstance(found, bytes) else json.dumps(found).encode()

    endpoint._transport.post = post  # type: ignore[method-assign]
    return chain


def places(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Name every place of an answer."""
    found: list[tuple[Any, ...]] = [before] if before else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        found += places(each, (*before, name))
    return found


def broken(answer: Any, place: tuple[Any, ...], junk: Any) -> Any:
    """Put junk at one place of an answer."""
    changed = copy.deepcopy(answer)
    holder = changed
    for name in place[:-1]:
        holder = holder[name]
    holder[place[-1]] = junk
    return changed


def every_broken(answer: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Put each junk at each place of an answer."""
    for place in places(answer):
        for junk in JUNK:
            yield place, broken(answer, place, junk)


def asked_or_refused(question: Callable[[], Any]) -> Any:
    """Return an answer, or one of the errors that whoever asks expects; anything else fails the test."""
    try:
        return question()
    except (ChainError, Reverts) as exc:
        return exc


QUESTIONS: dict[str, Callable[[TronChain], Any]] = {
    "head": TronChain.head,
    "chain_id": TronChain.chain_id,
    "balances": lambda chain: chain.balances(AT, [BalanceQuery(OWN, None), BalanceQuery(OWN, USDT)]),
    "opinions": lambda chain: chain.opinions(AT, BalanceQuery(OWN, None)),
    "decimals": lambda chain: chain.decimals([USDT]),
    "blocks": lambda chain: chain.blocks([5]),
    "sent_by": lambda chain: chain.sent_by(OWN, AT),
    "token arrivals": lambda chain: chain.transfers([Arrivals(OWN, USDT, 548)], 549),
    "arrivals": lambda chain: chain.transfers([Arrivals(OWN, None, 548)], 549),
    "receipt": lambda chain: chain.receipt(TX),
    "known": lambda chain: chain.known(TX),
    "missed": lambda chain: chain.missed(TX, 0),
    "broadcast": lambda chain: chain.broadcast("0a0201021201ff"),
    "has_code": lambda chain: chain.has_code(OWN),
    "account": lambda chain: chain.account(OWN),
    "prices": TronChain.prices,
    "energy_of": lambda chain: chain.energy_of(OWN, USDT, "a9059cbb"),
    "stake": lambda chain: chain.stake(OWN),
    "lent": lambda chain: chain.lent(OWN),
}


@pytest.mark.parametrize("name", QUESTIONS)
@given(answer=json_values, code=st.sampled_from([None, "result", "Error"]), head_is_right=st.booleans())
def test_no_answer_makes_a_question_crash(name: str, answer: Any, code: str | None, head_is_right: bool) -> None:
    """Any JSON at all, alone or within what looks like an answer."""
    whole = answer if code is None else {code: answer}

    def node(path: str, _: Any) -> Any:
        return header(549) if head_is_right and path == "getblock" else whole

    asked_or_refused(lambda: QUESTIONS[name](chain_that(node)))


@given(octets=st.binary(max_size=60))
def test_no_octets_make_a_question_crash(octets: bytes) -> None:
    """Also what is no JSON, and no text."""
    for question in QUESTIONS.values():
        asked_or_refused(lambda question=question: question(chain_that(lambda *_: octets)))


WORDS = f"{549:064x}{AT.parent}{5:064x}{10**15:064x}{7:064x}"


def test_a_broken_probe_never_gives_another_balance() -> None:
    """It is the right one, or unknown."""
    for place, answer in every_broken(constant(WORDS)):
        chain = chain_that(lambda path, _, answer=answer: header(549) if path == "getblock" else answer)
        found = asked_or_refused(lambda chain=chain: QUESTIONS["balances"](chain))
        assert isinstance(found, ChainError) or found == [5, 7], place


@given(cut=st.integers(min_value=0, max_value=len(WORDS) - 1))
def test_a_probe_that_is_cut_short_is_no_answer(cut: int) -> None:
    """Not even at the end of a word."""
    answer = constant(WORDS[:cut])
    chain = chain_that(lambda path, _: header(549) if path == "getblock" else answer)
    assert isinstance(asked_or_refused(lambda: QUESTIONS["balances"](chain)), ChainError)


def test_a_broken_account_never_has_another_balance() -> None:
    """Where the balance is junk there is none."""
    for place, answer in every_broken(recorded("getaccount_solidity")):
        answers = {"getblock": header(549), "getaccount": answer}
        chain = chain_that(lambda path, _, answers=answers: answers.get(path, {}))
        found = asked_or_refused(lambda chain=chain: QUESTIONS["account"](chain))
        assert isinstance(found, ChainError) or (found.activated and found.balance == 277_038_226), place


INFO, TRANSACTION = recorded("txinfo_usdt_transfer_new_holder"), recorded("gettransactionbyid_trc20")


def test_a_broken_receipt_never_moves_another_amount() -> None:
    """It costs what it cost, and moved what it moved, or nothing at all is said of the log."""
    made = [(place, info, TRANSACTION) for place, info in every_broken(INFO)]
    made += [(place, INFO, transaction) for place, transaction in every_broken(TRANSACTION)]
    for place, info, transaction in made:
        answers = {"gettransactioninfobyid": info, "gettransactionbyid": transaction}

        def node(path: str, asked: Any, answers: dict[str, Any] = answers) -> Any:
            if path == "getblock":
                return header(int(asked.get("id_or_num", 549)))
            return answers.get(path, {})

        found = asked_or_refused(lambda node=node: QUESTIONS["receipt"](chain_that(node)))
        if found is None or isinstance(found, ChainError):
            continue
        assert (found.fee, found.block_number) == (3_300_100, 89), place
        assert [each.amount for each in found.token_transfers] in ([], [1_000_000_000]), place


@given(number=st.integers(min_value=0, max_value=2**40), other=st.integers(min_value=0, max_value=2**40))
def test_a_block_is_of_the_number_that_its_id_names(number: int, other: int) -> None:
    """Any other header is malformed."""
    raw = {"number": number, "parentHash": block_id(0), "timestamp": 5}
    answer = {"blockID": block_id(other), "block_header": {"raw_data": raw}}
    if number == other:
        assert codec.block(answer) == Block(number, block_id(number), block_id(0), 5)
        return
    with pytest.raises(ValueError, match="number"):
        codec.block(answer)


@given(octets=st.binary(min_size=20, max_size=20))
def test_addresses_are_read_in_each_of_their_forms(octets: bytes) -> None:
    """With 41, alone, with 0x, and as a word."""
    of = codec.short_address(octets.hex())
    assert codec.address(f"41{octets.hex()}") == of
    assert codec.short_address(codec.rpc_address(of)) == of
    assert codec.from_topic(f"0x{codec.topic(of)}") == of
    with pytest.raises(ValueError, match="no address"):
        codec.address(octets.hex())
