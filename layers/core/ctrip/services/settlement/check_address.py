"""Where money may be sent: an address at which it would be lost, or come back to us, is refused."""

from collections.abc import Mapping
from dataclasses import dataclass

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.kinds import rules_of, same
from ctrip.domain.errors import InvalidField
from ctrip.ports.payments import PaymentStore


@dataclass(frozen=True, slots=True)
class AddressCheck:
    """Checks the field `address` of requests; `treasuries` are by chain."""

    payments: PaymentStore
    treasuries: Mapping[str, str]

    def check(self, network: Network, address: str) -> str:
        """Return the address in the form that people see; raises `InvalidField`."""
        rules = rules_of(network)
        if reason := rules.wrong_address(address):
            raise InvalidField("address", "invalid_address", reason)
        if any(token.address and same(token.address, address) for token in network.tokens):
            raise InvalidField("address", "contract_address", "is a token's contract: what is sent there is lost")
        ours = self.payments.by_address(address) is not None
        if ours or any(treasury and same(treasury, address) for treasury in self.treasuries.values()):
            raise InvalidField("address", "own_address", "is an address of this gateway itself")
        return rules.shown(address)
