"""Give a merchant an account of its own; the signer alone can derive it."""

from dataclasses import replace

from ctrip.domain.access import Merchant
from ctrip.ports import AccessStore, Signer


def provision_merchant(merchant: Merchant, *, access: AccessStore, signer: Signer) -> Merchant:
    """Store the merchant as provisioning, then with the account's extended public key."""
    merchant = replace(merchant, account=access.next_account(), xpub="")
    access.put_merchant(merchant)
    merchant = replace(merchant, xpub=signer.provision(merchant.account))
    access.put_merchant(merchant)
    return merchant
