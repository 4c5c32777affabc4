#!/bin/sh
# Writes agreed.json: what tronpy, tronweb and bip-utils say of the same keys and transactions; fails where they differ.
# Run by hand when a case is added; the tests read what it wrote.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv libraries
libraries/bin/pip install --quiet tronpy==0.6.2 protobuf==6.33.4 bip_utils==2.12.3
npm install --silent --no-audit --no-fund --ignore-scripts tronweb@6.5.1 >/dev/null 2>&1
libraries/bin/python "$here/ask.py" >python.json
cp "$here/ask.cjs" . && node ask.cjs <python.json >node.json
libraries/bin/python - "$here/agreed.json" <<'PY'
import json, sys
python, node = (json.load(open(name)) for name in ("python.json", "node.json"))
for kind in ("addresses", "transactions"):
    for one, other in zip(python[kind], node[kind], strict=True):
        assert one == other, (one, other)
json.dump(python, open(sys.argv[1], "w"), indent=1)
open(sys.argv[1], "a").write("\n")
PY
