"""Many payouts in one transaction: where it saves gas, each judged by itself, and paid once whatever happens."""

from contextlib import suppress
from dataclasses import replace

import pytest

from ctrip.domain.chains.acts import Act
from ctrip.domain.chains.evm.pay_call import parse_approve, parse_pay
from ctrip.domain.chains.kinds import FIRST
from ctrip.domain.errors import SigningRefused, Unavailable
from ctrip.domain.settlement.payout import Booking, PayoutState
from ctrip.domain.settlement.together import MOST_WRITES, groups
from ctrip.domain.sweeping.sweep import Kind, TransactionState
from ctrip.ports.payouts import PayoutCommit
from ctrip.services.settlement.ask_payout import AskRefund
from tests.contract.test_store_payouts import payout as made_payout
from tests.fakes.chain import FakeChain
from tests.fakes.store import FakePayouts
from tests.services.settlement.test_paying_out import COIN, HOT, PART, balance, paid_world, payout, run
from tests.support.ledger import entries_of, owed_to
from tests.world import ORIGIN, USDC

PAYERS = [FIRST.shown(f"0x{number:02x}" + "ab" * 19) for number in range(1, 9)]


def world_of(asset=None, count=5, *, published=True, allowed=True, **settings):
    """Make a world with refunds to as many payers, asked for and not looked at yet; return it and their ids."""
    world, payment = paid_world(asset=asset, **settings)
    contract = world.chain.publish_payer(HOT) if published else ""
    for each in PAYERS:
        world.chain.deposit(each, 1)  # an address that was used before
    world.step()
    if asset and allowed:
        entry = (USDC.address.lower(), HOT.lower(), contract.lower())
        world.chain.chain[-1] = replace(world.chain.chain[-1], allowed=frozenset({entry}))
    return world, [refund(world, payment, each, number, asset) for number, each in enumerate(PAYERS[:count])]


def refund(world, payment, to, number=0, asset=None):
    """Ask for a refund; return its id."""
    asked = AskRefund(address=to, amount=PART + number)
    return world.stage.settlement.asker.refund(world.merchant, payment.id, asked, ORIGIN).view["id"]


def sent(world, kind=Kind.PAYOUT):
    """Return the treasury's transactions of a kind, by slot."""
    every = world.stores.money._state.transactions.values()
    return sorted((each for each in every if each.kind is kind), key=lambda each: each.slot)


def states(world, ids):
    """Return the states of payouts."""
    return {payout(world, each).state for each in ids}


def arrived(world, asset=None):
    """Return what each payer has got beyond the first unit."""
    token = USDC.address if asset else None
    return [world.chain.total(token, [each]) - (0 if asset else 1) for each in PAYERS]


@pytest.mark.parametrize("asset", [None, "USDC"])
def test_payouts_of_one_asset_are_made_by_one_transaction(asset):
    """Each gets exactly its own, its gas is posted once, and each merchant hears of it."""
    world, ids = world_of(asset)
    run(world)
    [transaction] = sent(world)
    assert (transaction.state, len(transaction.payouts)) == (TransactionState.FINAL, 5)
    assert states(world, ids) == {PayoutState.COMPLETED}
    assert {payout(world, each).tx_hash for each in ids} == {transaction.tx_hash}
    assert arrived(world, asset) == [PART + number for number in range(5)] + [0] * 3
    entries = entries_of(world.stores)
    assert (balance(world), balance(world, "payable")) == (COIN - 5 * PART - 10, 0)
    fees = [each.amount for each in entries if each.type == "gas" and each.payout_id in ids]
    assert fees == [transaction.fee]
    told = [each.type for each in world.stores.payouts._state.events.values() if each.type.startswith("refund")]
    assert sorted(told) == sorted(["refund.created", "refund.sent", "refund.completed"] * 5)


def test_the_treasurys_books_agree_with_the_chain_after_a_transaction_of_many():
    world, _ = world_of()
    before = world.chain.total(None, [HOT]) + owed_to(entries_of(world.stores), "treasury")
    run(world)
    assert world.chain.total(None, [HOT]) + owed_to(entries_of(world.stores), "treasury") == before


@pytest.mark.parametrize("why", ["no contract", "too few", "the contract is another"])
def test_without_the_contract_or_without_a_saving_each_goes_alone(why):
    world, ids = world_of(count=2 if why == "too few" else 5, published=why != "no contract")
    if why == "the contract is another":
        codes = world.chain.chain[-1].codes
        codes.update(dict.fromkeys(codes, "0x6001"))
    run(world, 8)
    assert states(world, ids) == {PayoutState.COMPLETED}
    assert [len(each.payouts) for each in sent(world)] == [1] * len(ids)


def test_recipients_that_cost_more_together_go_alone_beside_the_others():
    """A contract is estimated by itself; an address that nobody has used costs an account."""
    world, ids = world_of(count=7)
    world.chain.burn(PAYERS[0], 1)
    world.step()
    world.chain.chain[-1].codes[PAYERS[1].lower()] = "0x60"
    run(world, 6)
    assert states(world, ids) == {PayoutState.COMPLETED}
    assert sorted(len(each.payouts) for each in sent(world)) == [1, 1, 5]


def test_a_token_is_allowed_once_where_so_many_pay_for_it_and_these_go_alone_meanwhile():
    """The signer lets the published contract take it; the next ones go together."""
    world, ids = world_of("USDC", allowed=False)
    run(world, 8)
    assert states(world, ids) == {PayoutState.COMPLETED}
    [allowance] = sent(world, Kind.ALLOWANCE)
    assert allowance.state is TransactionState.FINAL
    assert [len(each.payouts) for each in sent(world)] == [1] * 5
    assert allowance.fee == -owed_to([e for e in entries_of(world.stores) if allowance.key in e.id], "gas_expense")
    payment = next(iter(world.stores.payments._state.payments.values()))
    more = [refund(world, payment, each, asset="USDC") for each in PAYERS]
    run(world, 6)
    assert states(world, more) == {PayoutState.COMPLETED}
    assert len(sent(world, Kind.ALLOWANCE)) == 1
    assert len(sent(world)[-1].payouts) == len(PAYERS)


def test_too_few_do_not_pay_for_the_allowance():
    world, ids = world_of("USDC", count=3, allowed=False)
    run(world, 6)
    assert states(world, ids) == {PayoutState.COMPLETED}
    assert sent(world, Kind.ALLOWANCE) == []


@pytest.mark.parametrize("asset", [None, "USDC"])
def test_one_that_was_not_paid_goes_alone_and_the_others_are_completed(asset):
    """It is judged by the logs; nothing is given back, nothing paid twice."""
    world, ids = world_of(asset)
    world.chain.unpaid = {PAYERS[2].lower()}
    world.stage.payouts.worker.run()
    world.run = world.new_run()
    world.settle(6)
    left = payout(world, ids[2])
    assert (left.state, left.booking, left.alone, left.transaction) == (
        *(PayoutState.APPROVED, Booking.RESERVED),
        *(True, None),
    )
    assert states(world, [*ids[:2], *ids[3:]]) == {PayoutState.COMPLETED}
    run(world)
    assert states(world, ids) == {PayoutState.COMPLETED}
    assert arrived(world, asset)[:5] == [PART + number for number in range(5)]
    assert balance(world, "payable") == 0


def test_a_transaction_that_reverts_as_a_whole_moves_nothing_and_each_goes_alone():
    world, ids = world_of()
    world.chain.reverting = {HOT.lower()}
    world.stage.payouts.worker.run()
    world.run = world.new_run()
    world.settle(6)
    assert {(payout(world, each).state, payout(world, each).alone) for each in ids} == {(PayoutState.APPROVED, True)}
    assert sent(world)[0].state is TransactionState.FAILED
    world.chain.reverting = set()
    run(world, 8)
    assert states(world, ids) == {PayoutState.COMPLETED}
    assert arrived(world)[:5] == [PART + number for number in range(5)]


def test_one_that_the_signer_refuses_holds_up_no_other(monkeypatch):
    """Together they are refused; alone, each by itself."""
    world, ids = world_of(CTRIP_PAYOUTS=f'{{"anvil": {{"ETH": {{"approval_above": "{COIN}"}}}}}}')
    bad = payout(world, ids[1])
    real = world.signer.sign

    def guarded(chain, path, sender, transaction, **named):
        if ("m1", bad.id) in named.get("payouts", ()):
            raise SigningRefused("something differs")
        return real(chain, path, sender, transaction, **named)

    monkeypatch.setattr(world.signer, "sign", guarded)
    run(world, 6)
    assert payout(world, bad.id).state is PayoutState.APPROVED
    assert states(world, [each for each in ids if each != bad.id]) == {PayoutState.COMPLETED}
    assert "payout_not_signed" in world.log.alarms()


def test_with_too_little_in_the_treasury_the_oldest_go_first():
    world, ids = world_of()
    world.chain.burn(HOT, world.chain.total(None, [HOT]) - 3 * PART - 10 - 10**8)
    world.step()
    run(world, 6)
    assert [payout(world, each).state for each in ids] == [PayoutState.COMPLETED] * 3 + [PayoutState.APPROVED] * 2
    assert "treasury_low" in world.log.alarms()
    world.chain.deposit(HOT, COIN)
    run(world)
    assert states(world, ids) == {PayoutState.COMPLETED}


def test_a_worker_that_dies_anywhere_pays_each_once():
    """At each effect in turn; the next run goes on from what is stored."""
    for place in range(2, 30):
        world, ids = world_of()
        effects = [place]
        with pytest.MonkeyPatch.context() as patch:
            for owner, name in ((FakePayouts, "commit"), (FakePayouts, "commit_all"), (FakeChain, "broadcast")):
                patch.setattr(owner, name, dying(getattr(owner, name), effects))
            with suppress(KeyboardInterrupt):
                world.stage.payouts.worker.run()
                run(world, 1)
                world.settle(6)
        run(world, 6)
        assert states(world, ids) == {PayoutState.COMPLETED}, place
        assert arrived(world)[:5] == [PART + number for number in range(5)], place
        assert (balance(world), balance(world, "payable")) == (COIN - 5 * PART - 10, 0), place
        fees = [each for each in entries_of(world.stores) if each.type == "gas" and each.payout_id in ids]
        assert len(fees) == len(sent(world)), place


def dying(do, effects):
    """Let the n-th effect be the last, before it where the number is even, after it where it is odd."""

    def call(*given):
        effects[0] -= 2
        if effects[0] == 0:
            raise KeyboardInterrupt
        done = do(*given)
        if effects[0] == 1:
            effects[0] = 0
            raise KeyboardInterrupt
        return done

    return call


def test_a_reorganisation_sends_the_same_bytes_again_and_each_is_paid_once():
    world, ids = world_of()
    world.stage.payouts.worker.run()
    world.run = world.new_run()
    world.step(2)
    assert sent(world)[0].state is TransactionState.MINED
    world.chain.reorg(2, later=True)
    run(world)
    assert states(world, ids) == {PayoutState.COMPLETED}
    assert arrived(world)[:5] == [PART + number for number in range(5)]
    assert len(sent(world)[0].attempts) == 1


@pytest.mark.parametrize("asset", [None, "USDC"])
def test_one_that_no_block_takes_is_replaced_by_the_same_payments_in_the_same_slot(asset):
    world, ids = world_of(asset)
    world.stage.payouts.worker.run()
    world.chain.base_fee *= 40
    run(world, 12)
    [transaction] = sent(world)
    assert transaction.state is TransactionState.FINAL
    assert len(transaction.attempts) > 1
    calls = [parse_pay(each.data) for each in world.signer.signed if parse_pay(each.data)]
    assert len({(each.token, each.payments) for each in calls}) == 1
    assert states(world, ids) == {PayoutState.COMPLETED}
    assert arrived(world, asset)[:5] == [PART + number for number in range(5)]


def test_an_allowance_that_no_block_takes_is_replaced_by_the_same():
    world, ids = world_of("USDC", allowed=False)
    world.stage.payouts.worker.run()
    world.chain.base_fee *= 40
    run(world, 14)
    [allowance] = sent(world, Kind.ALLOWANCE)
    assert (allowance.state, len(allowance.attempts) > 1) == (TransactionState.FINAL, True)
    assert len({each.data for each in world.signer.signed if parse_approve(each.data)}) == 1
    assert states(world, ids) == {PayoutState.COMPLETED}


def test_one_whose_row_is_gone_holds_up_no_other_and_alarms():
    world, ids = world_of()
    world.stage.payouts.worker.run()
    held = world.stores.payouts._state.payouts.pop(("m1", ids[0]))
    run(world, 3)
    assert states(world, ids[1:4]) == {PayoutState.COMPLETED}
    assert "own_transaction_not_followed" in world.log.alarms()
    world.stores.payouts._state.payouts["m1", ids[0]] = held
    run(world, 2)
    assert states(world, ids) == {PayoutState.COMPLETED}


# -- which go together


def test_groups_are_of_one_asset_pay_nobody_twice_and_fit_into_one_write():
    ready = [
        replace(made_payout(at), to=f"0x{at % 40:040x}", token_id="t" if at % 2 else None, alone=at % 7 == 0)
        for at in range(1, 200)
    ]
    found = groups(reversed(ready), lambda each: 3)
    for group in found:
        assert len({each.asset_key for each in group}) == 1
        assert len({each.to for each in group}) == len(group) > 1
        assert len(group) * 3 <= MOST_WRITES
        assert group == sorted(group, key=lambda each: each.created_at)
        assert not any(each.alone for each in group)
    flat = [each.id for group in found for each in group]
    assert len(set(flat)) == len(flat)
    assert groups(ready[:1], lambda each: 3) == []
    assert groups(ready[:4], lambda each: MOST_WRITES) == []


# -- the signer's guard


def guarded(count=3, asset=None, **settings):
    """Make a world with payouts that are approved and set aside; return it, them, and what may be signed."""
    world, ids = world_of(asset, count, **settings)
    for each in ids:
        before = payout(world, each)
        after = replace(before, booking=Booking.RESERVED, version=before.version + 1)
        FakePayouts.commit(world.stores.payouts, PayoutCommit(before=before, after=after))
    made = [payout(world, each) for each in ids]
    contract, token = world.chain.publish_payer(HOT), USDC.address if asset else None
    pays, total = tuple((each.to, each.net) for each in made), sum(each.net for each in made)
    return (
        world,
        made,
        Act(contract, token, 0 if asset else total, 1, unclear="many", amount=total, pays=pays, slot="000000000000"),
    )


def signs(world, made, act):
    """Ask the guard; say whether it lets the transaction be signed."""
    try:
        world.stage.payouts.guard.check(world.network, HOT, act, [("m1", each.id) for each in made])
    except SigningRefused as exc:
        return str(exc)
    return True


@pytest.mark.parametrize("asset", [None, "USDC"])
def test_exactly_the_payouts_that_were_approved_are_signed_together(asset):
    """Another contract, another order, amount, recipient, asset, one more or fewer, one twice, other coin: refused."""
    world, made, act = guarded(asset=asset)
    assert signs(world, made, act) is True
    other = FIRST.shown("0x" + "0b" * 20)
    first = act.pays[0]
    assert "published" in signs(world, made, replace(act, to=other))
    assert signs(world, list(reversed(made)), act) is not True
    assert "other payouts" in signs(world, made[:-1], act)
    assert "other payouts" in signs(world, made, replace(act, pays=act.pays[:-1]))
    assert "other payouts" in signs(world, [*made, made[0]], replace(act, pays=(*act.pays, (other, made[0].net))))
    assert "twice" in signs(world, made, replace(act, pays=(first, (first[0], act.pays[1][1]), act.pays[2])))
    assert "amount" in signs(world, made, replace(act, pays=((first[0], first[1] + 1), *act.pays[1:])))
    assert "elsewhere" in signs(world, made, replace(act, pays=((other, first[1]), *act.pays[1:])))
    assert "asset" in signs(world, made, replace(act, token=None if asset else USDC.address))
    assert "coin" in signs(world, made, replace(act, value=act.value + 1))
    assert "only" in signs(world, [], act)
    assert "makes one payout" in signs(world, made, replace(act, pays=(), unclear=""))


def test_each_of_them_is_held_to_its_own_approvals_and_caps():
    rules = f'{{"anvil": {{"ETH": {{"approval_above": "{COIN}", "per_day": "{2 * PART + 5}"}}}}}}'
    world, made, act = guarded(CTRIP_PAYOUTS=rules)
    assert "one day" in signs(world, made, act)
    world, made, act = guarded()
    world.stores.payouts._state.payouts["m1", made[1].id] = replace(made[1], state=PayoutState.AWAITING_APPROVAL)
    assert "not approved" in signs(world, made, act)
    world.stores.payouts._state.payouts["m1", made[1].id] = replace(made[1], booking=Booking.NONE)
    assert "set aside" in signs(world, made, act)
    world.stores.payouts._state.payouts["m1", made[1].id] = replace(made[1], chain="base")
    assert "chain" in signs(world, made, act)


def test_a_token_of_the_treasury_is_allowed_to_the_published_contract_alone():
    world, made, act = guarded(asset="USDC")
    allowing = Act(USDC.address, USDC.address, 0, 1, unclear="a call", spender=act.to)
    assert signs(world, [], allowing) is True
    assert "published" in signs(world, [], replace(allowing, spender=PAYERS[0]))
    assert "published" in signs(world, [], replace(allowing, value=1))
    assert "published" in signs(world, made, allowing)
    assert "own tokens" in signs(world, [], replace(allowing, token=PAYERS[0], to=PAYERS[0]))


def test_no_other_key_signs_what_the_treasurys_may():
    """A deposit address, the gas station, the operator: none pays many, and none allows anybody anything."""
    from ctrip.domain.chains.evm.pay_call import PayCall, approve_data, pay_data
    from ctrip.domain.chains.evm.transaction import Transaction

    world, made, act = guarded()
    signer = world.stage.sweeping.signer
    pay = pay_data(PayCall(None, act.pays, 5_000))
    fields = {"chain_id": 31337, "nonce": 0, "gas": 300_000, "max_fee": 1, "priority_fee": 1}
    many = Transaction(**fields, to=act.to, value=act.value, data=pay)
    named = tuple(("m1", each.id) for each in made)
    assert signer.sign("anvil", "m/44'/60'/0'/0/0", HOT, many, payouts=named).raw
    allow = Transaction(**fields, to=USDC.address, value=0, data=approve_data(act.to))
    assert signer.sign("anvil", "m/44'/60'/0'/0/0", HOT, allow).raw
    wallet = signer.wallet()
    for path in ("m/44'/60'/0'/0/1", "m/44'/60'/0'/0/2", "m/44'/60'/1'/0/0"):
        for transaction in (many, allow):
            with pytest.raises(SigningRefused):
                signer.sign("anvil", path, wallet.address("evm", path), transaction, payouts=named)


def test_what_went_together_is_not_signed_again_where_a_later_group_meets_a_silent_node(monkeypatch):
    """Of another asset, in the same run: its node's trouble makes nobody forget what was sent before."""
    world, ids = world_of()
    twice = [refund(world, world.payment(payout(world, ids[0]).payment_id), each, 9) for each in PAYERS[:5]]
    sender, asked = type(world.stage.adapters.signer), []
    sign, quote = sender.sign, FakeChain.accounts

    def counted(self, *given, payouts=(), **more):
        asked.extend(payouts)
        return sign(self, *given, payouts=payouts, **more)

    calls = []

    def silent(self, *given):
        calls.append(given)
        if len(calls) > 2:
            raise Unavailable("silent")
        return quote(self, *given)

    monkeypatch.setattr(sender, "sign", counted)
    monkeypatch.setattr(FakeChain, "accounts", silent)
    world.stage.payouts.worker.run()
    assert len(calls) > 2
    assert sorted(asked) == sorted(set(asked))
    assert {("m1", each) for each in ids} <= set(asked)
    monkeypatch.undo()
    run(world)
    assert states(world, [*ids, *twice]) == {PayoutState.COMPLETED}
