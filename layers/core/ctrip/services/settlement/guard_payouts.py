"""The signer's guard of the treasury: only what was approved, only where it was approved to go, within the caps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ctrip.domain.chains.acts import Act
from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.kinds import folded, rules_of, same
from ctrip.domain.errors import SigningRefused
from ctrip.domain.settlement.payout import Booking, Payout, PayoutKind, PayoutState
from ctrip.domain.settlement.reservation import SettlementAddress, address_statement, current, following
from ctrip.domain.settlement.rules import PayoutRules, rules_for
from ctrip.domain.sweeping.sweep import parse_key, transaction_key
from ctrip.ports.payouts import PayoutStore
from ctrip.ports.runtime import Clock
from ctrip.ports.signer_book import SignerBook
from ctrip.services.merchants.provision_merchant import Authority


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutGuard:
    """Compares what is to be signed with the payout that it is said to be, read by the signer itself.

    `delay_ms` is how long another settlement address waits, counted from when the signer first saw it.
    """

    payouts: PayoutStore
    book: SignerBook
    authority: Callable[[], Authority]
    rules: Mapping[str, Mapping[str, PayoutRules]]
    clock: Clock
    local: bool
    delay_ms: int

    def check(self, network: Network, treasury: str, act: Act, named: Sequence[tuple[str, str]]) -> None:
        """Demand that a transaction is exactly approved payouts; raises `SigningRefused` with what differs.

        Many are made through the published contract of this treasury alone, which may be let take a token of it.
        """
        if act.spender:
            _check_allowance(network, treasury, act, named)
            return
        payouts = [self._approved(network, *each) for each in named]
        if not payouts:
            raise SigningRefused("the treasury pays settlements and refunds only")
        if act.pays:
            _compare_many(network, treasury, act, payouts)
        elif len(payouts) == 1:
            _compare(act, payouts[0])
        else:
            raise SigningRefused("the transaction makes one payout, and names many")
        slot = transaction_key(network.name, folded(treasury), act.slot)
        for payout in payouts:
            if payout.state is PayoutState.SENDING and _slot(payout) != slot:
                raise SigningRefused("the payout is being sent in another slot: two could both be mined")
        for payout in payouts:
            self._spend(payout, slot)

    def _approved(self, network: Network, merchant_id: str, payout_id: str) -> Payout:
        """Return a payout that may be paid, whatever the transaction says."""
        payout = self.payouts.payout(merchant_id, payout_id)
        if payout is None:
            raise SigningRefused("the treasury pays settlements and refunds only")
        if payout.state not in (PayoutState.APPROVED, PayoutState.SENDING) or payout.booking is not Booking.RESERVED:
            raise SigningRefused("the payout is not approved, or not set aside")
        if payout.chain != network.name:
            raise SigningRefused("the transaction is no transfer of the payout's chain")
        rules = rules_for(self.rules, payout.chain, payout.symbol, local=self.local)
        approvers = {each.by for each in payout.approvals} - {payout.asked_by}
        if len(approvers) < rules.approvals(payout.amount):
            raise SigningRefused("too few persons have approved the payout")
        if payout.amount > rules.per_transaction:
            raise SigningRefused("the payout is above the cap of one transaction")
        if payout.kind is PayoutKind.SETTLEMENT:
            self._check_address(payout)
        return payout

    def _spend(self, payout: Payout, slot: str) -> None:
        """Count a payout against what may be signed in a day: once for each slot, as each can be mined beside others.

        In a slot that it was signed for it may be signed again, as a replacement, with the same amount.
        """
        signed = self.book.signed(payout.id, slot)
        if signed is not None and signed != payout.amount:
            raise SigningRefused("the payout was signed in this slot with another amount")
        if signed is not None:
            return
        rules = rules_for(self.rules, payout.chain, payout.symbol, local=self.local)
        day = datetime.fromtimestamp(self.clock.now() // 1000, UTC).date().isoformat()
        counted = self.book.spend(payout.chain, payout.asset_key, day, payout.id, slot, payout.amount, rules.per_day)
        if not counted:
            raise SigningRefused("the payout is above what may be signed in one day")

    def _check_address(self, payout: Payout) -> None:
        address = self.vouched(payout.merchant_id, payout.chain)
        if not address or not same(address, payout.to):
            raise SigningRefused("the settlement goes elsewhere than the merchant's address, or that waits still")

    def vouched(self, merchant_id: str, chain: str) -> str:
        """Return where a merchant's money of a chain may go now, empty where nothing was taken over.

        Raises `SigningRefused` where what is stored carries no signature of the signer's.
        """
        held = self.book.vouched(merchant_id, chain)
        if held is not None and held.signature != self._signature(held):
            raise SigningRefused("the settlement address is not one that the signer has taken over")
        return current(held, self.clock.now()).address if held else ""

    def vouch(self, merchant_id: str, chain: str) -> str:
        """Take over where a merchant's settlements go; return the signature on the address that was asked for.

        The first address counts at once, another one after the delay. Raises `SigningRefused` where nothing is asked
        for, and where what was taken over before carries no signature of the signer's.
        """
        asked, now = self.payouts.settlement_address(merchant_id, chain), self.clock.now()
        if asked is None:
            raise SigningRefused("the merchant has no settlement address there")
        before = self.book.vouched(merchant_id, chain)
        if before is not None and not self._ours(before):
            raise SigningRefused("what was taken over before is not the signer's")
        after = following(before, merchant_id, chain, asked.next_address or asked.address, now, self.delay_ms)
        after = SettlementAddress(
            merchant_id=merchant_id,
            chain=chain,
            address=after.address,
            since=after.since,
            next_address=after.next_address,
            next_from=after.next_from,
            version=after.version,
            signature=self._signature(after),
        )
        if after != before:
            self.book.keep_vouched(before, after)
        return after.signature

    def _ours(self, address: SettlementAddress) -> bool:
        """Whether the signer has signed an address, with the key of this mnemonic or of a former one."""
        authority = self.authority()
        if address.signature == self._signature(address):
            return True
        return authority.signed_before(_statement(address), address.signature)

    def _signature(self, address: SettlementAddress) -> str:
        return self.authority().sign(_statement(address))


def _statement(address: SettlementAddress) -> bytes:
    """Write what is signed: an address with the one that follows it, so that neither can be exchanged in the table."""
    parts = address_statement(address.merchant_id, address.chain, address.address)
    following_parts = address_statement(address.merchant_id, address.chain, address.next_address or "")
    return parts + b"|" + following_parts + str(address.next_from).encode()


def _slot(payout: Payout) -> str:
    """Name the slot that a payout is being sent in, whatever the letters' size of its sender."""
    chain, sender, slot = parse_key(payout.transaction or "##")
    return transaction_key(chain, folded(sender), slot)


def _compare(act: Act, payout: Payout) -> None:
    """Demand that a transaction is exactly the transfer that one payout asks for."""
    if act.unclear or act.idle or act.collects:
        raise SigningRefused("the transaction is no transfer of the payout's chain")
    _compare_asset(act, payout)
    if act.amount != payout.net or (act.token is not None and act.value):
        raise SigningRefused("the transaction moves another amount than the payout")
    if not same(act.to, payout.to):
        raise SigningRefused("the transaction goes elsewhere than the payout")


def _compare_many(network: Network, treasury: str, act: Act, payouts: Sequence[Payout]) -> None:
    """Demand the published contract, exactly the payouts in their order, nobody twice, and the coin that they need."""
    contract = rules_of(network).payer(treasury)
    if contract is None or not same(act.to, contract) or act.collects:
        raise SigningRefused("many are paid through the published contract of the treasury only")
    if len(act.pays) != len(payouts) or len({payout.id for payout in payouts}) != len(payouts):
        raise SigningRefused("the transaction makes other payouts than it names")
    if len({folded(to) for to, _ in act.pays}) != len(act.pays):
        raise SigningRefused("the transaction pays somebody twice: its receipt would not tell for what")
    for (to, amount), payout in zip(act.pays, payouts, strict=True):
        _compare_asset(act, payout)
        if amount != payout.net:
            raise SigningRefused("the transaction moves another amount than the payout")
        if not same(to, payout.to):
            raise SigningRefused("the transaction goes elsewhere than the payout")
    if act.value != (sum(payout.net for payout in payouts) if act.token is None else 0):
        raise SigningRefused("the transaction carries another amount of coin than its payouts need")


def _compare_asset(act: Act, payout: Payout) -> None:
    if (act.token is None) is not (payout.token is None) or (
        act.token is not None and not same(act.token, payout.token or "")
    ):
        raise SigningRefused("the transaction moves another asset than the payout")


def _check_allowance(network: Network, treasury: str, act: Act, named: Sequence[tuple[str, str]]) -> None:
    """Let nobody take a token of the treasury's but the published contract, which takes for the treasury alone."""
    contract = rules_of(network).payer(treasury)
    if contract is None or not same(act.spender, contract) or act.value or named:
        raise SigningRefused("the treasury lets the published contract take its tokens, and nobody else")
    if not any(token.address and same(token.address, act.token or "") for token in network.tokens):
        raise SigningRefused("the treasury lets the contract take the chain's own tokens only")
