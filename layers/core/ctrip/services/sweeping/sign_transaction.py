"""Sign, after comparing everything that could have been swapped: sender, destination, amount of gas money."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ctrip.domain.chains.acts import Act, Signed, Unsigned
from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.kinds import KINDS, ChainRules, address_path, parse_path, rules_of, same
from ctrip.domain.errors import SigningRefused
from ctrip.domain.sweeping.treasury import (
    GAS_STATION,
    OPERATOR,
    OPERATORS_ACCOUNT,
    OPERATORS_KEYS,
    TREASURY,
    operators_own,
    own_address,
)
from ctrip.services.sweeping.account_holders import Holder


class Wallet(Protocol):
    """The mnemonic's keys, each at its path; a chain kind has its own."""

    def account_xpub(self, kind: str, account: int) -> str:
        """Return the extended public key of a hardened account."""
        ...

    def address(self, kind: str, path: str) -> str:
        """Derive an address."""
        ...

    def sign(self, kind: str, path: str, transaction: Unsigned) -> Signed:
        """Sign with the key at a path."""
        ...


class Treasurer(Protocol):
    """Guards the treasury's key, and knows merchants' own treasuries."""

    def check(self, network: Network, treasury: str, act: Act, named: Sequence[tuple[str, str]]) -> None:
        """Demand that a transaction is exactly approved payouts (merchant and id); raises `SigningRefused`."""
        ...

    def vouch(self, merchant_id: str, chain: str) -> str:
        """Take over where a merchant's settlements go; return the signature; raises `SigningRefused`."""
        ...

    def vouched(self, merchant_id: str, chain: str) -> str:
        """Return where a merchant's money of a chain may go, empty for nowhere; raises `SigningRefused`."""
        ...


def _no_treasurer() -> Treasurer:
    raise SigningRefused("this signer pays nothing out")


def _nobody_direct(account: int) -> Holder:
    return Holder(f"account {account}", direct=False)


@dataclass(frozen=True, slots=True)
class GuardedSigner:
    """A `Signer` that signs sweeps to the treasury, alone or in a batch, gas for our own addresses, and what cancels.

    `wallet` opens the wallet when it is first needed; `treasuries` are by chain. `networks` are the enabled ones: what
    the gas station may give at a time, and what a transaction may cost, is its own chain's, whatever the request says.
    What a transaction does is read by the rules of its chain's kind, from what will be signed. `backed_up` says whether
    the wallet's backup has been read back: without that nothing is signed for a main network. `payouts` guards a
    treasury whose key is here, and knows those of merchants; `holder` says whose an account is.
    """

    wallet: Callable[[], Wallet]
    treasuries: Mapping[str, str]
    networks: Mapping[str, Network]
    backed_up: Callable[[], bool]
    payouts: Callable[[], Treasurer] = _no_treasurer
    holder: Callable[[int], Holder] = _nobody_direct

    def account_xpub(self, kind: str, account: int) -> str:
        """Return a merchant's extended public key (account 0 is the operator's own)."""
        if kind not in KINDS:
            raise SigningRefused("there is no such chain kind")
        if not 0 <= account < 2**31:
            raise SigningRefused("the account is out of range")
        return self.wallet().account_xpub(kind, account)

    def operators_address(self, kind: str, index: int) -> str:
        """Return an address of the operator's, by its index in account 0."""
        if kind not in KINDS or index not in OPERATORS_KEYS.values():
            raise SigningRefused("the operator has no such address")
        return self.wallet().address(kind, address_path(KINDS[kind], OPERATORS_ACCOUNT, index))

    def vouch(self, merchant_id: str, chain: str) -> str:
        """Take over where a merchant's settlements go; raises `SigningRefused`."""
        return self.payouts().vouch(merchant_id, chain)

    def sign(
        self,
        chain: str,
        path: str,
        sender: str,
        transaction: Unsigned,
        *,
        recipient_path: str | None = None,
        payouts: tuple[tuple[str, str], ...] = (),
    ) -> Signed:
        """Derive, compare, sign; raises `SigningRefused` with the comparison that failed."""
        network = self.networks.get(chain)
        if network is None:
            raise SigningRefused("the transaction's chain is not enabled")
        wallet = self.wallet()
        if not self.backed_up() and not network.testnet:
            raise SigningRefused("the wallet's backup has not been read back: ctrip wallet verify")
        rules = rules_of(network)
        account, index = _parse(rules, path)
        act = rules.act(network, sender, transaction)
        if act.fee > network.fee_cap:
            raise SigningRefused(f"a transaction on {network.name} may cost at most {network.fee_cap}")
        if not _at(wallet, rules, path, sender):
            raise SigningRefused("the sender is not the address at its path")
        self._check(wallet, network, (account, index), sender, act, recipient_path, payouts)
        return wallet.sign(network.kind, path, transaction)

    def _check(
        self,
        wallet: Wallet,
        network: Network,
        source: tuple[int, int],
        sender: str,
        act: Act,
        recipient_path: str | None,
        payouts: Sequence[tuple[str, str]],
    ) -> None:
        """Demand what a key may do; `source` is its account and index."""
        if act.collects:
            self._check_batch(wallet, network, source, sender, act)
        elif source == OPERATOR:
            if not act.idle:
                raise SigningRefused("the operator calls the published contracts only")
        elif source == TREASURY:
            if not same(self.treasuries.get(network.name, ""), sender):
                raise SigningRefused("the key at this path is not the chain's treasury")
            self.payouts().check(network, sender, act, payouts)
        elif source[0] == 0:
            _check_gas(wallet, rules_of(network), source, act, recipient_path)
            if act.value > network.gas_funding_cap:
                raise SigningRefused(f"the gas station gives at most {network.gas_funding_cap} at a time")
        elif not act.idle:
            self._check_sweep(wallet, network, source[0], act)

    def _check_batch(self, wallet: Wallet, network: Network, source: tuple[int, int], operator: str, act: Act) -> None:
        """Demand the published contracts of this treasury and operator, and addresses that delegate to them alone."""
        if source != OPERATOR:
            raise SigningRefused("a batch is the operator's to send")
        rules = rules_of(network)
        accounts = {_parse(rules, grant.path)[0] for grant in act.grants}
        if 0 in accounts:
            raise SigningRefused("deposit addresses delegate, and no other")
        if any(self.holder(each).direct for each in accounts):
            raise SigningRefused("a batch pays the operator's treasury: what is a merchant's own is swept alone")
        collector = rules.collector(self._treasury(wallet, network, accounts), operator)
        if collector is None or rules.folded(act.to) != rules.folded(collector.contract) or act.value:
            raise SigningRefused("a batch goes through the published contract only, without coin")
        for grant in act.grants:
            if rules.folded(grant.to) != rules.folded(collector.delegate):
                raise SigningRefused("deposit addresses delegate to the published contract only")
            if not _at(wallet, rules, grant.path, grant.address):
                raise SigningRefused("the address that delegates is not the one at its path")

    def _treasury(self, wallet: Wallet, network: Network, accounts: Iterable[int]) -> str:
        """Return the chain's treasury, which is no address of the operator's or of these accounts."""
        treasury = self.treasuries.get(network.name, "")
        if not treasury:
            raise SigningRefused("no treasury is configured for this chain")
        return self._of_nobody_here(wallet, network, accounts, treasury)

    def _merchants_treasury(self, wallet: Wallet, network: Network, account: int, merchant_id: str) -> str:
        """Return the treasury of the chain that the signer has taken over for a merchant of custody `direct`."""
        treasury = self.payouts().vouched(merchant_id, network.name)
        if not treasury:
            raise SigningRefused("the merchant has no treasury on this chain that the signer has taken over")
        return self._of_nobody_here(wallet, network, (account,), treasury)

    def _of_nobody_here(self, wallet: Wallet, network: Network, accounts: Iterable[int], treasury: str) -> str:
        rules = rules_of(network)
        own = {index: self.operators_address(network.kind, index) for index in OPERATORS_KEYS.values()}
        if whose := operators_own(rules, treasury, own):
            raise SigningRefused(f"the treasury is refused: {whose}")
        for each in {0, *accounts}:
            if whose := own_address(rules, treasury, each, wallet.account_xpub(network.kind, each)):
                raise SigningRefused(f"the treasury is refused: {whose}")
        return treasury

    def _check_sweep(self, wallet: Wallet, network: Network, account: int, act: Act) -> None:
        holder, rules = self.holder(account), rules_of(network)
        if holder.direct:
            treasury = self._merchants_treasury(wallet, network, account, holder.merchant_id)
        else:
            treasury = self._treasury(wallet, network, (account,))
        if act.token is not None and act.value:
            raise SigningRefused("a token transfer carries no coin")
        if act.unclear:
            raise SigningRefused(act.unclear)
        if rules.folded(act.to) != rules.folded(treasury):
            raise SigningRefused("deposits are swept to the treasury only")


def _check_gas(wallet: Wallet, rules: ChainRules, source: tuple[int, int], act: Act, recipient: str | None) -> None:
    if source != GAS_STATION:
        raise SigningRefused("of the operator's keys only the gas station's signs")
    meant = act.lends or not act.unclear
    if recipient is None or _parse(rules, recipient)[0] == 0 or act.token is not None or not meant:
        raise SigningRefused("the gas station gives coin to deposit addresses only")
    if not _at(wallet, rules, recipient, act.to):
        raise SigningRefused("the recipient is not the address at its path")


def _at(wallet: Wallet, rules: ChainRules, path: str, address: str) -> bool:
    return rules.folded(wallet.address(rules.kind, path)) == rules.folded(address)


def _parse(rules: ChainRules, path: str) -> tuple[int, int]:
    if (found := parse_path(rules, path)) is None:
        raise SigningRefused("the path is not one of ours")
    return found
