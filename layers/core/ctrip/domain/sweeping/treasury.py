"""Where deposits are swept to: read from the configuration, and refused where money sent there would be lost.

Pure: what a node must be asked for (whether code lies at the address) is `services.check_treasury`'s.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from ctrip.domain.text import nearest, quoted

SETTING = "CTRIP_TREASURY"
EVERY_CHAIN = ""  # the name under which one treasury for all chains stands
OPERATORS_ACCOUNT = 0
# Below m/44'/60'/0'/0: 0 may be the treasury, a hot wallet of the same mnemonic.
OPERATORS_OWN = {1: "the gas station's", 2: "the operator's"}
RECEIVING_CHECKED = 100  # addresses of a merchant's account that are compared
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


def parse_treasuries(text: str) -> dict[str, str]:
    """Read the setting: one address for every EVM chain, or JSON that maps chains to addresses; raises ValueError."""
    stripped = text.strip()
    if not stripped.startswith("{"):
        return {EVERY_CHAIN: stripped} if stripped else {}
    try:
        held = json.loads(stripped, object_pairs_hook=_unique)
    except (json.JSONDecodeError, RecursionError):
        raise ValueError('must be an address, or JSON such as {"ethereum": "0x..."}') from None
    if not all(isinstance(each, str) for each in held.values()):
        raise ValueError('must map chains to addresses, such as {"ethereum": "0x..."}')
    return dict(held)


def check_treasuries(treasuries: Mapping[str, str], chains: Iterable[str], contracts: Mapping[str, str]) -> None:
    """Refuse what no money may be sent to; raises ValueError with one sentence.

    `chains` are the EVM chains that there are, `contracts` the tokens' names by address in lower case.
    """
    known = sorted(chains)
    for chain, address in treasuries.items():
        if chain != EVERY_CHAIN and chain not in known:
            alike = nearest(chain.lower(), known)
            raise ValueError(f"names the chain {quoted(chain)}{alike}; there are {', '.join(known)}")
        if reason := wrong(address, contracts):
            raise ValueError(f"{reason}{f', on {chain}' if chain else ''}")


def wrong(address: str, contracts: Mapping[str, str]) -> str | None:
    """Say what is wrong with a treasury's address; None where nothing is."""
    from ctrip.domain.chains.bip32 import checksum  # here: every function reads its settings, and few need a curve

    if not _ADDRESS.fullmatch(address):
        # It is not repeated: somebody may have pasted a private key, or the words of a wallet.
        return f"its {len(address)} characters are no address, which is 0x and 40 hexadecimal digits"
    digits = address[2:]
    if digits not in (digits.lower(), digits.upper()) and checksum(digits) != address:
        return f"{address} has a wrong checksum (EIP-55): a character is mistyped"
    if int(digits, 16) == 0:
        return "the zero address belongs to nobody: what is sent there is lost"
    if name := contracts.get(address.lower()):
        return f"{address} is the contract of {name}: what is sent there is lost"
    return None


@lru_cache(maxsize=256)
def own_address(address: str, account: int, xpub: str) -> str | None:
    """Say whose address of ours it is, among those of an account that can be known cheaply; None where of nobody."""
    from ctrip.domain.chains.bip32 import ExtendedKey

    branch = ExtendedKey.parse(xpub).child(0)
    ours = OPERATORS_OWN if account == OPERATORS_ACCOUNT else dict.fromkeys(range(RECEIVING_CHECKED), "a merchant's")
    for index, whose in ours.items():
        if branch.child(index).address().lower() == address.lower():
            return f"{address} is {whose} own address of this stage (m/44'/60'/{account}'/0/{index})"
    return None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    held = dict(pairs)
    if len(held) != len(pairs):
        raise ValueError("names a chain twice")
    return held
