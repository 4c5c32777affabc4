"""The table of chain kinds: everybody asks it for a kind's rules, and nobody else knows a kind."""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.chains.evm.rules import RULES as EVM
from ctrip.domain.chains.tron.rules import RULES as TRON
from ctrip.domain.errors import SigningRefused

if TYPE_CHECKING:
    from ctrip.domain.chains.acts import Act, Collector, Unsigned
    from ctrip.domain.chains.bip32 import ExtendedKey


class ChainRules(Protocol):
    """What the chains of one kind have in common, without a node.

    `curve` names the account keys and the counters of addresses that the kind uses, `coin_type` is SLIP-44's.
    """

    @property
    def kind(self) -> str:
        """Name the kind."""
        ...

    @property
    def address(self) -> re.Pattern[str]:
        """Return the pattern of the addresses of tokens' contracts in `chains.yaml`."""
        ...

    def token_id(self, chain_id: int, address: str) -> str:
        """Derive a token's id, the same in every stage."""
        ...

    @property
    def curve(self) -> str:
        """Name the kind's account keys."""
        ...

    @property
    def coin_type(self) -> int:
        """Return SLIP-44's number."""
        ...

    def address_of(self, key: "ExtendedKey") -> str:
        """Return the address of a public key, in the form that people see."""
        ...

    def owns(self, address: str) -> bool:
        """Whether a text is written as addresses of this kind are, which no other kind's are."""
        ...

    def folded(self, address: str) -> str:
        """Return the one form of an address in which it is stored in keys, and compared."""
        ...

    def shown(self, address: str) -> str:
        """Return the form of an address that people see."""
        ...

    def wrong_address(self, address: str) -> str | None:
        """Say what is wrong with an address that somebody wrote; None where nothing is."""
        ...

    @property
    def shares_addresses(self) -> bool:
        """Whether an address is the same account on every network of the kind."""
        ...

    @property
    def seen_final(self) -> bool:
        """Whether what comes is seen only once it is final, about a minute after it was sent."""
        ...

    def token_standard(self, network: Network) -> str:
        """Name a network's standard of tokens, by which wallets and exchanges tell networks apart."""
        ...

    def payment_uri(self, network: Network, asset: Asset, address: str, amount: int) -> str | None:
        """Write the link that a wallet opens with everything filled in; None where wallets have none in common."""
        ...

    def wallet_request(self, network: Network, asset: Asset, address: str, amount: int) -> dict[str, Any] | None:
        """Describe the network and the transaction that a browser's wallet is asked for; None where there is none."""
        ...

    def transaction_url(self, network: Network, tx_hash: str) -> str:
        """Return the page of a transaction in the network's explorer."""
        ...

    def read_transaction(self, fields: dict[str, Any]) -> "Unsigned":
        """Read an unsigned transaction from what `Unsigned.fields` gave."""
        ...

    def act(self, network: Network, sender: str, transaction: "Unsigned") -> "Act":
        """Say what an unsigned transaction would do; raises `SigningRefused` for one that is not of `network`."""
        ...

    def payer(self, treasury: str) -> str | None:
        """Return the contract that pays many for a treasury; None where the kind has none."""
        ...

    def collector(self, treasury: str, operator: str) -> "Collector | None":
        """Return the contracts that collect tokens for an operator; None where the kind has none."""
        ...


KINDS: dict[str, ChainRules] = {EVM.kind: EVM, TRON.kind: TRON}
FIRST: ChainRules = EVM  # what a merchant's `xpub` and `account_path` are of, and addresses of which no kind is told


def rules_of(network: Network) -> ChainRules:
    """Return the rules of a network's kind."""
    return KINDS[network.kind]


def read_transaction(kind: str, fields: dict[str, Any]) -> "Unsigned":
    """Read an unsigned transaction that was sent to the signer; raises `SigningRefused` for an unknown kind's."""
    if kind not in KINDS:
        raise SigningRefused("there is no such chain kind")
    return KINDS[kind].read_transaction(fields)


def folded(address: str) -> str:
    """Return the form of any kind's address in which it is compared; an address tells its kind by how it is written."""
    return next((rules.folded(address) for rules in KINDS.values() if rules.owns(address)), address)


def same(one: str, other: str) -> bool:
    """Whether two texts are the same address."""
    return folded(one) == folded(other)


def shown(address: str) -> str:
    """Return the form of any kind's address that people see."""
    return next((rules.shown(address) for rules in KINDS.values() if rules.owns(address)), address)


# -- paths and addresses of accounts


def account_path(rules: ChainRules, account: int) -> str:
    """Name a hardened account of ours."""
    return f"m/44'/{rules.coin_type}'/{account}'"


def address_path(rules: ChainRules, account: int, index: int) -> str:
    """Name the key of one of an account's receiving addresses."""
    return f"{account_path(rules, account)}/0/{index}"


def parse_path(rules: ChainRules, path: str) -> tuple[int, int] | None:
    """Read account and index out of a path; None where it is none of ours."""
    match = re.fullmatch(rf"m/44'/{rules.coin_type}'/([0-9]{{1,9}})'/0/([0-9]{{1,9}})", path, re.ASCII)
    return (int(match.group(1)), int(match.group(2))) if match else None


@lru_cache(maxsize=256)
def receiving(xpub: str) -> "ExtendedKey":
    """Derive an account's branch of receiving addresses, once; raises ValueError for what is no extended key."""
    from ctrip.domain.chains.bip32 import ExtendedKey

    return ExtendedKey.parse(xpub).child(0)


def address_at(rules: ChainRules, xpub: str, index: int) -> str:
    """Derive the address of an account's extended public key at an index."""
    return rules.address_of(receiving(xpub).child(index))
