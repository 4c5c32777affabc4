"""The local keys are valid, the project's own, and stand where the configuration says."""

from ctrip.networks import load_networks
from infra.stack import tokens, wallet


def test_the_local_mnemonic_is_valid_and_not_anvils() -> None:
    """Treasury, gas station and operator are none of Anvil's ten accounts."""
    from bip_utils import Bip39MnemonicValidator

    assert Bip39MnemonicValidator().IsValid(wallet.LOCAL_MNEMONIC)
    ours = {account().address for account in (wallet.treasury, wallet.gas_station, wallet.operator)}
    assert len(ours) == 3
    assert not ours & {wallet.funded(index).address for index in range(10)}


def test_local_tokens_stand_where_the_configuration_says() -> None:
    """Their addresses follow from the operator's key."""
    configured = {token.symbol: (token.address, token.decimals) for token in load_networks()["anvil"].tokens}
    assert configured == {symbol: (where, tokens.DECIMALS[symbol]) for symbol, where in tokens.addresses().items()}
