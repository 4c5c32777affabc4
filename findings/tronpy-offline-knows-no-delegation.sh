#!/bin/sh
# tronpy 0.6.2 (PyPI, with protobuf 6.33.4): what lends staked energy can be written online only.
#
# `client.trx.delegate_resource` and `undelegate_resource` return builders like any other, and `build(offline=True)`, which
# asks no node, writes a transfer; of these two it raises "Unsupported contract type". So whoever signs where no node is
# reached cannot lend energy with it, nor compute such a transaction's id before a node has answered. For us: the octets
# are our own (domain/chains/tron/transaction.py), held against a recorded delegation that a java-tron 4.8.0 node mined.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv libraries
libraries/bin/pip install --quiet tronpy==0.6.2 protobuf==6.33.4
libraries/bin/python >seen <<'PY'
from tronpy import Tron
from tronpy.providers import HTTPProvider

client = Tron(HTTPProvider("http://127.0.0.1:9"))
owner, other = "TWer2Ygk5TEheHp3TPuYeqxmB6SsGZmaL6", "TPjjvMwjPoDC32V2dGDYTkLH4E5LAtBZ6C"
block = f"{261:016x}" + "d4aff818da507d8b" + "00" * 16
made = {
    "transfer": lambda: client.trx.transfer(owner, other, 1),
    "delegate_resource": lambda: client.trx.delegate_resource(owner=owner, receiver=other, balance=10**6, resource="ENERGY"),
    "undelegate_resource": lambda: client.trx.undelegate_resource(
        owner=owner, receiver=other, balance=10**6, resource="ENERGY"
    ),
}
for name, make in made.items():
    try:
        print(name, len(make().build(offline=True, ref_block_id=block).txid))
    except Exception as exc:
        print(name, type(exc).__name__, exc)
PY
cat seen
cat >expected <<'END'
transfer 64
delegate_resource ValueError Unsupported contract type: DelegateResourceContract
undelegate_resource ValueError Unsupported contract type: UnDelegateResourceContract
END
cmp seen expected
echo "tronpy 0.6.2 still writes no delegation offline"
