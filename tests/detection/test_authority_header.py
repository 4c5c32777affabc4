"""Headers of proof-of-authority chains carry a validator's seal, which web3's own formatters refuse."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import rlp
from eth_utils.crypto import keccak

from ctrip.chains.evm.client import EvmChain
from ctrip.domain.chains.chain import Block
from tests.evm_support import NETWORK, Proxy, TestClock

EMPTY_TRIE = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
# Block 0 of Goerli, chain 5, under clique: 32 bytes of vanity, a signer, 65 bytes of seal.
RECORDED = {
    "number": "0x0",
    "hash": "0xbf7e331f7f7c1dd2e05159666b3bf8bc7a8a3a9eb1d518969eab529dd9b88c1a",
    "parentHash": "0x" + "00" * 32,
    "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
    "miner": "0x" + "00" * 20,
    "stateRoot": "0x5d6cded585e73c4e322c30c2f782a336316f17dd85a4863b9d838d2d4b8b3008",
    "transactionsRoot": EMPTY_TRIE,
    "receiptsRoot": EMPTY_TRIE,
    "logsBloom": "0x" + "00" * 256,
    "difficulty": "0x1",
    "gasLimit": "0xa00000",
    "gasUsed": "0x0",
    "timestamp": "0x5c51a607",
    "extraData": "0x22466c6578692069732061207468696e6722202d204166726900000000000000"
    "e0a2bd4258d2768837baa26a28fe71dc079f84c7" + "00" * 65,
    "mixHash": "0x" + "00" * 32,
    "nonce": "0x0000000000000000",
    "size": "0x231",
    "totalDifficulty": "0x1",
    "transactions": [],
    "uncles": [],
}


@pytest.fixture
def authority() -> Iterator[Proxy]:
    """A node that knows one block and its chain's id."""
    made = Proxy("")

    def answer(request):
        calls = request if isinstance(request, list) else [request]
        return {"result": "0x5" if calls[0]["method"] == "eth_chainId" else RECORDED}

    made.rule = answer
    yield made
    made.close()


def test_the_record_is_genuine():
    """Its fields hash to the block's own hash, so nothing in it is made up."""
    octets = ("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom")
    numbers = ("difficulty", "number", "gasLimit", "gasUsed", "timestamp")
    fields = [bytes.fromhex(RECORDED[name][2:]) for name in octets]
    fields += [int(RECORDED[name], 16) for name in numbers]
    fields += [bytes.fromhex(RECORDED[name][2:]) for name in ("extraData", "mixHash", "nonce")]
    assert "0x" + keccak(rlp.encode(fields)).hex() == RECORDED["hash"]
    assert len(RECORDED["extraData"]) // 2 - 1 >= 97


def test_a_header_with_a_seal_is_read_alone_and_in_a_batch(authority):
    """117 bytes of extra data are nobody's business here: number, hash, parent and time are read."""
    chain = EvmChain(replace(NETWORK, chain_id=5), [authority.url], TestClock())
    expected = Block(0, RECORDED["hash"], RECORDED["parentHash"], 0x5C51A607 * 1000)
    assert chain.head() == expected
    assert chain.blocks([0]) == {0: expected}
    assert chain.tagged("finalized") == expected
