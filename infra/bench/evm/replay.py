"""Execute signed transactions in py-evm under the rules of Prague; print what each used of gas.

Run by the Python of an environment of its own. Standard input is JSON: `chain_id`, `funded` (addresses that hold coin
from the start), `codes` (code by address) and `raw` (signed transactions, in their order). Accounts that the first
block does not name have never been used, as on a public chain. Standard output is a JSON list.
"""

import json
import sys
from typing import Any

from eth import constants
from eth.chains.base import MiningChain
from eth.consensus import NoProofConsensus
from eth.db.atomic import AtomicDB
from eth.vm.forks.prague import PragueVM
from eth_utils.address import to_canonical_address
from eth_utils.conversions import to_bytes

COINS = 10**24
GAS_LIMIT = 60_000_000


def main() -> None:
    """Replay what standard input holds."""
    plan = json.loads(sys.stdin.read())
    chain = _chain(plan)
    used = []
    for raw in plan["raw"]:
        transaction = chain.get_vm().get_transaction_builder().decode(to_bytes(hexstr=raw))
        _, [receipt], [computation] = chain.mine_all([transaction])
        used.append({"gas": receipt.gas_used, "failed": computation.is_error})
    print(json.dumps(used))


def _chain(plan: dict[str, Any]) -> Any:
    vm = PragueVM.configure(consensus_class=NoProofConsensus)
    kind: Any = MiningChain.configure(
        __name__="Replayed",
        vm_configuration=((constants.GENESIS_BLOCK_NUMBER, vm),),
        chain_id=plan["chain_id"],
    )
    accounts = {
        to_canonical_address(address): {"balance": COINS, "nonce": 0, "code": b"", "storage": {}}
        for address in plan["funded"]
    }
    for address, code in plan["codes"].items():
        accounts[to_canonical_address(address)] = {
            "balance": 0,
            "nonce": 1,
            "code": to_bytes(hexstr=code),
            "storage": {},
        }
    first = {"gas_limit": GAS_LIMIT, "difficulty": 0, "base_fee_per_gas": 7, "timestamp": 1}
    return kind.from_genesis(AtomicDB(), genesis_params=first, genesis_state=accounts)


if __name__ == "__main__":
    main()
