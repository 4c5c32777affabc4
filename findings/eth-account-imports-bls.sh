#!/bin/sh
# eth-account 0.14.0 (PyPI): importing it imports py_ecc, the arithmetic of validators' BLS curve, which no account needs.
#
# eth_account imports eth_keyfile for encrypted key files, and that imports py_ecc for one kind of key file: of the modules
# that one `from eth_account import Account` loads, 26 are py_ecc's, whose constants are computed at import.
# For us: the signer imports eth_account without its key files (layers/core/ctrip/signer/eth_account_alone.py).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check eth-account==0.14.0 eth-keyfile==0.10.0 py-ecc==8.0.0
cat >ask.py <<'PY'
import sys
from importlib.metadata import version

from eth_account import Account

account = Account.from_key("0x" + "11" * 32)  # neither a key file nor a validator in sight
curve = sorted(name for name in sys.modules if name.split(".")[0] == "py_ecc")
print("eth-account", version("eth-account"), "eth-keyfile", version("eth-keyfile"), "py-ecc", version("py-ecc"))
print(account.address)
print(f"{len(curve)} modules of py_ecc are loaded, among them", next(name for name in curve if "bls" in name))
raise SystemExit(0 if "eth_keyfile" in sys.modules and len(curve) > 10 else "it imports otherwise now")
PY
env/bin/python ask.py
