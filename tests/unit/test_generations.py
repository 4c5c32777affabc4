"""The secret of a wallet that was rotated: which mnemonic an account is of."""

import pytest

from ctrip.signer.generations import Generation, of_account, parse, written
from ctrip.signer.wallet import MnemonicWallet, RotatedWallet

OLD, MIDDLE, NEW = (
    "abandon " * 11 + "about",
    "legal winner thank year wave sausage worth useful legal winner thank yellow",
    ("test test test test test test test test test test test junk"),
)
THREE = (Generation(NEW, 9), Generation(MIDDLE, 5), Generation(OLD))


def test_one_mnemonic_stands_by_itself_and_several_come_back() -> None:
    assert written(THREE[2:]) == OLD
    assert parse(f"  {OLD}\n") == THREE[2:]
    assert parse(written(THREE)) == THREE
    assert OLD not in repr(THREE)


@pytest.mark.parametrize(("account", "place"), [(0, 0), (1, 2), (4, 2), (5, 1), (8, 1), (9, 0), (2**31 - 1, 0)])
def test_an_account_is_of_the_mnemonic_that_gave_it(account: int, place: int) -> None:
    """The operator's, number 0, is the newest's."""
    assert of_account(THREE, account) == place
    wallet, own = RotatedWallet(THREE), MnemonicWallet(THREE[place].mnemonic)
    path = f"m/44'/60'/{account}'/0/3"
    assert wallet.account_xpub("evm", account) == own.account_xpub("evm", account)
    assert (wallet.address("evm", path), wallet.key(path)) == (own.address("evm", path), own.key(path))


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{",
        '{"generations": []}',
        '{"generations": [{"mnemonic": "a", "from_account": 1}]}',
        '{"generations": [{"mnemonic": "a", "from_account": 0}, {"mnemonic": "b", "from_account": 0}]}',
        '{"generations": [{"mnemonic": "a", "from_account": 2}, {"mnemonic": "b", "from_account": 3}]}',
        '{"generations": [{"mnemonic": 7, "from_account": 0}]}',
        '{"generations": ["a"]}',
    ],
)
def test_what_is_none_is_refused(text: str) -> None:
    """No account may be of two mnemonics, or of none."""
    with pytest.raises(ValueError, match="generations"):
        parse(text)
