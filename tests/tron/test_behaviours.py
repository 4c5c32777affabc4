"""The ten behaviours of a real Tron node on which money depends, asked of the stand-in itself."""

import time

import httpx
import pytest

from infra.tron import token, wire
from infra.tron.refusals import Refusal
from infra.tron.standin import StandIn
from tests.tron.node import (
    ALICE,
    BANK,
    BOB,
    CAROL,
    SPLITTER,
    TRX,
    Node,
    call_data,
    coins,
    probe_data,
    running_node,
    units,
    word,
    words,
)

USDT = token.USDT


def delegate(owner: bytes, to: bytes, amount: int, kind: int = wire.DELEGATE) -> wire.Call:
    """Write a loan of energy."""
    return wire.Call(kind=kind, owner=owner, to=to, amount=amount, resource=wire.ENERGY)


def lend(standin: StandIn, amount: int) -> None:
    """Have the bank stake for energy and lend Alice some."""
    standin.send(BANK, wire.Call(kind=wire.FREEZE, owner=BANK.short, amount=2 * amount, resource=wire.ENERGY))
    standin.send(BANK, delegate(BANK.short, ALICE.short, amount))


class TestPending:
    """1. The full side shows what waits, under the number of the newest block."""

    def test_coins_and_units_that_wait_are_seen_on_the_full_side_alone(self, node: Node) -> None:
        """A broadcast shows at once in every reading of the full side, and in none of the solid side."""
        head = node.standin.state()["head"]["number"]
        tx_id = node.standin.pay(BANK, ALICE.address, 7 * TRX)
        node.standin.pay_token(BANK, ALICE.address, 5)
        assert node.balance(ALICE.address, solid=False) == 7 * TRX
        assert words(node.probe(ALICE.address, solid=False))[::2] == [head, 7 * TRX]
        assert words(node.probe(ALICE.address, contract=USDT, solid=False))[-1] == 5
        assert node.rpc("eth_getBalance", f"0x{ALICE.short.hex()}", "latest")["result"] == hex(7 * TRX)
        assert node.balance(ALICE.address, solid=True) == 0
        assert words(node.probe(ALICE.address))[-1] == 0
        assert node.ask("/wallet/gettransactionbyid", value=tx_id)["ret"] == [{"contractRet": "SUCCESS"}]
        assert node.ask("/walletsolidity/gettransactionbyid", value=tx_id) == {}

    def test_only_the_info_says_that_a_transaction_is_mined(self, node: Node) -> None:
        """A transaction that waits has no info; a mined one has, and on the solid side once it is final."""
        tx_id = node.standin.pay(BANK, ALICE.address, TRX)
        assert node.info(tx_id) == {}
        node.standin.mine()
        assert node.info(tx_id)["blockNumber"] == node.standin.state()["head"]["number"]
        assert node.info(tx_id, solid=True) == {}
        node.standin.settle()
        assert node.info(tx_id, solid=True)["id"] == tx_id

    def test_what_waits_may_vanish(self, node: Node) -> None:
        """A transaction that is dropped leaves nothing behind, and what else waits stays."""
        dropped = node.standin.pay(BANK, ALICE.address, TRX)
        kept = node.standin.pay(BANK, BOB.address, TRX)
        node.ask("/_control/drop", txids=[dropped])
        node.standin.mine()
        assert node.balance(ALICE.address, solid=False) == 0
        assert node.info(kept)["id"] == kept
        assert node.ask("/wallet/gettransactionbyid", value=dropped) == {}

    def test_held_transactions_are_no_part_of_the_blocks_made_meanwhile(self, node: Node) -> None:
        """While transactions are held, final blocks come to pass without them."""
        node.standin.fault(hold=True)
        node.standin.pay(BANK, ALICE.address, TRX)
        node.standin.mine(25)
        assert node.balance(ALICE.address, solid=False) == TRX
        assert words(node.probe(ALICE.address))[-1] == 0
        node.standin.fault(hold=False)
        node.standin.settle()
        assert words(node.probe(ALICE.address))[-1] == TRX


class TestSolid:
    """2. The solid side is behind, and exact but for a moment."""

    def test_the_solid_side_answers_from_its_own_block(self, node: Node) -> None:
        """State, number and the parent's hash are those of the newest final block, 19 behind."""
        node.standin.pay(BANK, ALICE.address, TRX)
        node.standin.mine()
        node.standin.pay(BANK, ALICE.address, TRX)
        node.standin.settle()
        state = node.standin.state()
        assert state["head"]["number"] - state["solid"]["number"] == 19
        number, parent, balance = words(node.probe(ALICE.address))
        block = node.ask("/walletsolidity/getblock", detail=False)
        assert (number, balance) == (state["solid"]["number"], 2 * TRX)
        assert f"{parent:064x}" == block["block_header"]["raw_data"]["parentHash"]
        assert block["blockID"] == state["solid"]["id"]

    def test_a_torn_answer_shows_the_next_block_under_this_ones_number(self, node: Node) -> None:
        """On demand the answer has the next block's state, and only the head read afterwards tells."""
        node.standin.mine(20)
        node.standin.pay(BANK, ALICE.address, TRX)
        node.standin.mine(19)
        before = node.standin.state()["solid"]["number"]
        node.standin.fault(torn=1)
        number, _, balance = words(node.probe(ALICE.address))
        assert (number, balance) == (before, TRX)
        assert node.standin.state()["solid"]["number"] == before + 1
        assert words(node.probe(ALICE.address))[0] == before + 1

    def test_a_torn_batch_ends_in_another_block(self, node: Node) -> None:
        """On demand a batch's first and last headers differ."""
        node.standin.mine(20)
        node.standin.fault(torn=1)
        header = {"jsonrpc": "2.0", "method": "eth_getBlockByNumber", "params": ["latest", False]}
        first, last = node.http.post("/solid/jsonrpc", json=[header | {"id": place} for place in (0, 1)]).json()
        assert int(last["result"]["number"], 16) == int(first["result"]["number"], 16) + 1

    def test_the_head_may_move_between_answer_and_check(self, node: Node) -> None:
        """On demand an exact answer is followed by another final block."""
        node.standin.mine(20)
        before = node.standin.state()["solid"]["number"]
        node.standin.fault(moves=1)
        assert words(node.probe(ALICE.address))[0] == before
        assert node.standin.state()["solid"]["number"] == before + 1

    def test_the_solid_side_may_stand_still_or_be_absent(self, node: Node) -> None:
        """On demand no block becomes final; on demand the paths are not there."""
        node.standin.fault(still=True)
        before = node.standin.state()["solid"]
        node.standin.mine(30)
        assert node.standin.state()["solid"] == before
        node.standin.fault(blind=True)
        assert node.http.post("/walletsolidity/getnowblock").status_code == 405
        assert node.http.post("/solid/jsonrpc", json={}).status_code == 405
        assert node.http.post("/wallet/getnowblock").status_code == 200


class TestWords:
    """3. Nothing is an empty object, and errors come with status 200."""

    def test_zero_and_unknown(self, node: Node) -> None:
        """An empty account has no balance field; what is unknown is {} or [], also past the newest block."""
        node.standin.grant(ALICE.address, 0)
        assert "balance" not in node.ask("/wallet/getaccount", address=ALICE.address, visible=True)
        assert node.ask("/wallet/getaccount", address=BOB.address, visible=True) == {}
        assert node.ask("/wallet/gettransactionbyid", value="00" * 32) == {}
        assert node.ask("/wallet/getblockbynum", num=10**6) == {}
        assert node.ask("/wallet/gettransactioninfobyblocknum", num=10**6) == []
        assert node.ask("/wallet/getblockbylimitnext", startNum=0, endNum=101) == {}

    def test_get_answers_as_post(self, node: Node) -> None:
        """Parameters may stand in the query."""
        told = node.http.get("/wallet/getblockbynum", params={"num": "1"}).json()
        assert told == node.ask("/wallet/getblockbynum", num=1)

    def test_messages_are_text_in_one_path_and_hexadecimal_in_the_other(self, node: Node) -> None:
        """The same refusal is readable from broadcasthex, and in digits from broadcasttransaction."""
        raw = node.standin.write(coins(ALICE, BOB, 1))
        signature = ALICE.sign(raw)[-65:].hex()
        plain = node.send(ALICE.sign(raw))["message"]
        told = node.ask("/wallet/broadcasttransaction", raw_data_hex=raw.hex(), signature=[signature])
        assert bytes.fromhex(told["message"]).decode() == plain
        assert "does not exist" in plain


class TestLimits:
    """4. Time, energy and size end a call without any part of an answer."""

    def test_time_energy_and_size(self, node: Node) -> None:
        """Each has its own words."""
        node.standin.fault(calls=2)
        told = node.probe(ALICE.address, BOB.address, CAROL.address, contract=USDT)
        assert "OutOfTimeException" in bytes.fromhex(told["result"]["message"]).decode()
        assert "constant_result" not in told
        assert "constant_result" in node.probe(ALICE.address, contract=USDT)
        node.standin.fault(tired=1)
        told = node.probe(ALICE.address)
        assert "OutOfEnergyException" in bytes.fromhex(told["result"]["message"]).decode()
        node.standin.fault(body=100)
        told = node.probe(ALICE.address)
        assert told == {"Error": "class java.lang.Exception : body size is too big, the limit is 100"}

    def test_a_provider_suspends(self, node: Node) -> None:
        """On demand the next requests get a status and TronGrid's words."""
        node.standin.fault(refuse=2, status=429)
        for _ in range(2):
            answer = node.http.post("/wallet/getnowblock")
            assert answer.status_code == 429
            assert "suspended for 30s" in answer.text
        assert node.http.post("/wallet/getnowblock").status_code == 200


class TestEthCall:
    """5. eth_call with an object answers from the newest block, whatever it names."""

    def test_an_old_blocks_hash_is_answered_from_the_head(self, node: Node) -> None:
        """The balance is the newest, though the block that is named had none."""
        old = node.standin.state()["head"]["id"]
        node.standin.pay_token(BANK, ALICE.address, 5)
        call = {
            "to": f"0x{wire_address(USDT)}",
            "data": "0x" + call_data("balanceOf(address)", word(ALICE)).hex(),
        }
        for at in ({"blockHash": f"0x{old}", "requireCanonical": True}, {"blockNumber": "0x0"}):
            assert int(node.rpc("eth_call", call, at)["result"], 16) == 5


def wire_address(address: str) -> str:
    """Return an address as JSON-RPC writes it, without 0x."""
    return f"{word(address):040x}"


class TestBroadcast:
    """6. The codes of a broadcast."""

    def test_a_mined_transaction_past_its_time_answers_as_one_that_was_never_sent(self, node: Node) -> None:
        """DUP until it expires, then TRANSACTION_EXPIRATION_ERROR, mined or not."""
        octets = BANK.sign(node.standin.write(coins(BANK, ALICE, TRX)))
        never = BANK.sign(node.standin.write(coins(BANK, BOB, TRX)))
        assert node.send(octets)["code"] == "SUCCESS"
        assert node.send(octets)["code"] == "DUP_TRANSACTION_ERROR"
        node.standin.mine()
        assert node.send(octets)["code"] == "DUP_TRANSACTION_ERROR"
        node.standin.mine(seconds=700)
        assert node.send(octets)["code"] == "TRANSACTION_EXPIRATION_ERROR"
        assert node.send(never)["code"] == "TRANSACTION_EXPIRATION_ERROR"
        assert node.balance(ALICE.address, solid=False) == TRX

    def test_there_is_no_nonce(self, node: Node) -> None:
        """Two transactions that differ in their timestamp alone are both mined."""
        for place in (1, 2):
            node.standin.pay(BANK, ALICE.address, TRX, timestamp=place)
        node.standin.mine()
        assert node.balance(ALICE.address, solid=False) == 2 * TRX

    def test_expiry_is_looked_at_before_the_reference_block_and_a_twin(self, node: Node) -> None:
        """Of two things that are wrong the first of the order is told."""
        late = node.standin.state()["head"]["time"] + 2_999
        wrong = {"ref_hash": bytes(8)}
        assert node.offer(BANK, coins(BANK, ALICE, 1), expiration=late, **wrong)["code"].startswith("TRANSACTION_EXP")
        assert node.offer(BANK, coins(BANK, ALICE, 1), **wrong)["code"] == "TAPOS_ERROR"

    def test_a_block_that_is_not_final_may_be_named(self, node: Node) -> None:
        """A reference to the newest block is taken."""
        assert node.offer(BANK, coins(BANK, ALICE, TRX), solid=False)["result"] is True

    def test_a_node_that_is_busy_and_a_connection_that_is_cut(self, node: Node) -> None:
        """The first was not taken and may be sent again; the second was taken."""
        octets = BANK.sign(node.standin.write(coins(BANK, ALICE, TRX)))
        node.standin.fault(busy=1)
        assert node.send(octets)["code"] == "SERVER_BUSY"
        node.standin.fault(cut=1)
        with pytest.raises(httpx.TransportError):
            node.send(octets)
        assert node.send(octets)["code"] == "DUP_TRANSACTION_ERROR"

    def test_a_transaction_that_was_taken_may_be_lost(self, node: Node) -> None:
        """On demand a broadcast answers SUCCESS, and no block has it; the same octets may be sent again."""
        octets = BANK.sign(node.standin.write(coins(BANK, ALICE, TRX)))
        node.standin.fault(lost=1)
        assert node.send(octets)["code"] == "SUCCESS"
        node.standin.mine(2)
        assert node.balance(ALICE.address, solid=False) == 0
        assert node.send(octets)["code"] == "SUCCESS"


class TestForks:
    """7. What is not final may vanish, also what was mined."""

    def test_blocks_and_a_mined_transaction_vanish_and_the_solid_block_stays(self, node: Node) -> None:
        """After a restart the node stands on its final block, and another block comes to the same height."""
        node.standin.pay(BANK, ALICE.address, TRX)
        node.standin.settle()
        octets = BANK.sign(node.standin.write(coins(BANK, BOB, TRX)))
        tx_id = node.send(octets)["txid"]
        node.standin.mine()
        mined = node.info(tx_id)["blockNumber"]
        old = node.ask("/wallet/getblockbynum", num=mined)["blockID"]
        solid = node.standin.state()["solid"]
        node.ask("/_control/fork")
        assert node.standin.state()["head"] == node.standin.state()["solid"] == solid
        node.standin.mine(mined - solid["number"])
        assert node.info(tx_id) == {}
        assert node.ask("/wallet/getblock", id_or_num=old) == {}
        assert node.ask("/wallet/getblockbynum", num=mined)["blockID"] != old
        assert (node.balance(ALICE.address, solid=False), node.balance(BOB.address, solid=False)) == (TRX, 0)
        assert node.send(octets)["code"] == "SUCCESS"


class TestToken:
    """8. Tether's oddities, and what energy costs."""

    def test_a_transfer_succeeds_with_a_zero_word(self, node: Node) -> None:
        """`transfer` answers false though units move and are logged."""
        tx_id = node.standin.pay_token(BANK, ALICE.address, 5)
        node.standin.mine()
        info = node.info(tx_id)
        assert info["contractResult"] == ["00" * 32]
        assert info["receipt"]["result"] == "SUCCESS"
        assert words(node.probe(ALICE.address, contract=USDT, solid=False))[-1] == 5

    def test_a_share_a_blacklist_and_a_pause(self, node: Node) -> None:
        """Less arrives than is sent; the blacklisted may receive and not send; nothing moves while it is paused."""
        node.standin.grant(ALICE.address, 100 * TRX)
        node.standin.trigger(BANK, USDT, call_data("setParams(uint256,uint256)", 10, 49))
        node.standin.pay_token(BANK, ALICE.address, 100_000)
        assert words(node.probe(ALICE.address, contract=USDT, solid=False))[-1] == 99_900
        node.standin.trigger(BANK, USDT, call_data("addBlackList(address)", word(ALICE)))
        node.standin.pay_token(BANK, ALICE.address, 100_000)
        stuck = node.standin.pay_token(ALICE, BOB.address, 1)
        node.standin.mine()
        assert node.info(stuck)["receipt"]["result"] == "REVERT"
        tried = node.constant(ALICE.address, USDT, "transfer(address,uint256)", word(BOB), 1)
        assert tried["transaction"]["ret"] == [{"ret": "FAILED"}]
        gone = node.standin.trigger(BANK, USDT, call_data("destroyBlackFunds(address)", word(ALICE)))
        node.standin.trigger(BANK, USDT, call_data("pause()"))
        node.standin.mine()
        assert [len(each["topics"]) for each in node.info(gone)["log"]] == [2]
        assert words(node.probe(ALICE.address, contract=USDT, solid=False))[-1] == 0
        assert "message" in node.constant(BANK.address, USDT, "transfer(address,uint256)", 1, 1)["result"]

    def test_the_limit_caps_lent_energy_too(self, node: Node) -> None:
        """Much lent energy and a small fee_limit end in OUT_OF_ENERGY, and the energy is gone."""
        node.standin.pay(BANK, ALICE.address, TRX)
        node.standin.pay_token(BANK, ALICE.address, 5)
        lend(node.standin, 27_000 * TRX)
        tx_id = node.standin.pay_token(ALICE, BOB.address, 5, fee_limit=TRX)
        assert node.ask("/wallet/getaccountresource", address=ALICE.address, visible=True)["EnergyUsed"] == 10_000
        node.standin.mine()
        receipt = node.info(tx_id)["receipt"]
        assert (receipt["result"], receipt["energy_usage"]) == ("OUT_OF_ENERGY", 10_000)
        assert words(node.probe(ALICE.address, contract=USDT, solid=False))[-1] == 5

    def test_energy_differs_by_holder_and_by_factor_and_is_told_before(self, node: Node) -> None:
        """A first-time holder costs more, a busy contract too, and the constant call's figure is what is used."""
        used = []
        for factor in (0, 0, 2_000):
            node.standin.factor(USDT, factor)
            told = node.constant(BANK.address, USDT, "transfer(address,uint256)", word(ALICE), 5)
            tx_id = node.standin.pay_token(BANK, ALICE.address, 5)
            node.standin.mine()
            assert node.info(tx_id)["receipt"]["energy_usage_total"] == told["energy_used"]
            used.append(told["energy_used"])
        first, second, busy = used
        assert first > second
        assert busy == second * 12 // 10

    def test_a_swept_units_whole_life_with_lent_energy(self, node: Node) -> None:
        """With free bytes and lent energy a transfer burns nothing; taken back, the loan is used up."""
        node.standin.pay(BANK, ALICE.address, 1)
        node.standin.pay_token(BANK, ALICE.address, 5)
        lend(node.standin, 27_000 * TRX)
        tx_id = node.standin.pay_token(ALICE, BOB.address, 5)
        lent = node.ask("/wallet/getdelegatedresourceaccountindexv2", value=BANK.address, visible=True)
        node.standin.send(BANK, delegate(BANK.short, ALICE.short, 27_000 * TRX, wire.UNDELEGATE))
        resources = node.ask("/wallet/getaccountresource", address=BANK.address, visible=True)
        node.standin.mine()
        info = node.info(tx_id)
        assert "fee" not in info
        assert info["receipt"]["energy_usage"] == info["receipt"]["energy_usage_total"]
        assert lent["toAccounts"] == [ALICE.address]
        assert resources["EnergyUsed"] == info["receipt"]["energy_usage_total"]
        most = node.ask("/wallet/getcandelegatedmaxsize", owner_address=BANK.address, type=1, visible=True)
        assert most["max_size"] < 54_000 * TRX

    def test_only_an_activated_account_can_borrow(self, node: Node) -> None:
        """Lending to an address that is no account is refused."""
        with pytest.raises(Refusal, match=r"Account\[41[0-9a-f]{40}\] not exists"):
            lend(node.standin, 100 * TRX)


class TestBytes:
    """9. Bytes are free for two transactions a day; an address that is no account cannot send."""

    def test_the_third_sweep_of_a_day_must_leave_its_price(self, node: Node) -> None:
        """Two send all they have; the third cannot, and a day later it can."""
        node.standin.grant(BOB.address, 1)
        for _ in range(2):
            node.standin.pay(BANK, ALICE.address, TRX)
            node.standin.pay(ALICE, BOB.address, TRX)
            assert node.balance(ALICE.address, solid=False) == 0
        node.standin.pay(BANK, ALICE.address, TRX)
        refused = node.offer(ALICE, coins(ALICE, BOB, TRX))
        assert (refused["code"], "balance is not sufficient" in refused["message"]) == ("CONTRACT_VALIDATE_ERROR", True)
        node.standin.mine()
        node.standin.mine(seconds=86_400)
        assert node.offer(ALICE, coins(ALICE, BOB, TRX))["code"] == "SUCCESS"

    def test_an_address_that_holds_tokens_alone_cannot_send(self, node: Node) -> None:
        """It is no account: neither coins nor tokens leave it, until its first coin comes."""
        node.standin.pay_token(BANK, ALICE.address, 5)
        assert node.ask("/wallet/getaccount", address=ALICE.address, visible=True) == {}
        for call in (coins(ALICE, BOB, 1), units(ALICE, BOB, 1)):
            refused = node.offer(ALICE, call)
            assert refused["message"] == f"Contract validate error : account [{ALICE.address}] does not exist"

    def test_the_first_coin_costs_more_and_a_memo_too(self, node: Node) -> None:
        """1.1 TRX activate an address, and a memo burns one."""
        first = node.standin.pay(BANK, ALICE.address, 1)
        told = node.standin.pay(BANK, ALICE.address, 1, memo=b"invoice 42")
        node.standin.mine()
        assert node.info(first)["fee"] == 1_100_000
        assert node.info(told)["fee"] == TRX

    def test_a_changed_permission(self, node: Node) -> None:
        """Once another key signs for an account its own is refused."""
        node.standin.grant(ALICE.address, 200 * TRX)
        other = wire.Permission(((BOB.short, 1),))
        call = wire.Call(kind=wire.PERMISSION, owner=ALICE.short, permissions=(other, other))
        node.standin.send(ALICE, call)
        assert node.balance(ALICE.address, solid=False) == 100 * TRX
        keys = node.ask("/wallet/getaccount", address=ALICE.address, visible=True)["owner_permission"]["keys"]
        assert keys == [{"address": BOB.address, "weight": 1}]
        assert node.offer(ALICE, coins(ALICE, CAROL, 1))["code"] == "SIGERROR"
        assert node.offer(ALICE, coins(ALICE, CAROL, 1), BOB)["code"] == "SUCCESS"


class TestInternal:
    """10. Coins that contracts send are told in infos alone."""

    def test_sent_rejected_and_undone(self, node: Node) -> None:
        """Internal transfers arrive, are rejected, or are undone with their transaction."""
        node.standin.place(SPLITTER, "TronSplitter")
        split = node.standin.trigger(BANK, SPLITTER, split_data(ALICE, BOB), value=5 * TRX)
        caught = node.standin.trigger(BANK, SPLITTER, call_data("attempt(address)", word(USDT)), value=TRX)
        undone = node.standin.trigger(BANK, SPLITTER, call_data("fail(address)", word(ALICE)), value=TRX)
        node.standin.mine()
        sent = [each["callValueInfo"] for each in node.info(split)["internal_transactions"]]
        assert sent == [[{"callValue": 2_500_000}]] * 2
        assert node.balance(ALICE.address, solid=False) == 2_500_000
        rejected = node.info(caught)
        assert rejected["receipt"]["result"] == "SUCCESS"
        assert all(each["rejected"] for each in rejected["internal_transactions"])
        failed = node.info(undone)
        assert (failed["result"], failed["internal_transactions"][0]["rejected"]) == ("FAILED", True)
        assert node.balance(SPLITTER, solid=False) == TRX

    def test_a_node_may_not_keep_them(self, node: Node) -> None:
        """On demand infos have no internal transactions, and the past's balances are closed."""
        node.standin.place(SPLITTER, "TronSplitter")
        tx_id = node.standin.trigger(BANK, SPLITTER, split_data(ALICE, BOB), value=2 * TRX)
        node.standin.mine()
        head = node.standin.state()["head"]
        named = {"hash": head["id"], "number": head["number"]}
        operations = node.ask("/wallet/getblockbalance", **named)["transaction_balance_trace"][0]["operation"]
        assert sum(each["amount"] for each in operations if each["address"].endswith(ALICE.short.hex())) == TRX
        node.standin.fault(no_internal=True, no_history=True)
        assert "internal_transactions" not in node.info(tx_id)
        assert "closed" in node.ask("/wallet/getblockbalance", **named)["Error"]


def split_data(*keys: object) -> bytes:
    """Write the call that sends the same to each."""
    addresses = [word(key) for key in keys]  # type: ignore[arg-type]
    return call_data("split(address[])", 32, len(addresses), *addresses)


def test_blocks_come_at_their_own_pace_where_that_is_asked_for() -> None:
    """With a pace of its own a stand-in makes final blocks without being asked."""
    with running_node(own_pace=True, block_ms=1_000, lag=1) as node:
        tx_id = node.standin.pay(BANK, ALICE.address, TRX)
        until = time.monotonic() + 60
        while not (told := node.info(tx_id, solid=True)) and time.monotonic() < until:
            time.sleep(0.05)
        assert told["id"] == tx_id


def test_code_that_is_no_contract_runs_whatever_its_length(node: Node) -> None:
    """A probe of 3,000 addresses, longer than any contract may be, answers with all of them."""
    addresses = tuple(ALICE.address for _ in range(3_000))
    assert len(probe_data(addresses, None)) // 2 > 49_152
    assert len(words(node.probe(*addresses))) == 3_002
