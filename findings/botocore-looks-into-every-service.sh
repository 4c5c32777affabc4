#!/bin/sh
# botocore 1.44.5 (PyPI): making one client looks into the description folders of all services.
#
# The loader, asked for one service's model, lists every service first: for `dynamodb` alone it reads the folders of more
# than 400 others, twice (once for the model, once for the endpoint rules), and looks for some 1,750 files that it never
# opens. That is a tenth of the CPU of `import boto3` with its client, and more on a slow disk. For us: botocore_calls.py
# registers a loader that takes the names of the folders as the list of services.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check --no-deps \
    botocore==1.44.5 jmespath==1.1.0 python-dateutil==2.9.0.post0 six==1.17.0 urllib3==2.8.0
cat >ask.py <<'PY'
import os

import botocore
from botocore.session import Session

listed, looked, real_list, real_look = set(), set(), os.listdir, os.path.isfile


def note_list(path):
    listed.add(str(path))
    return real_list(path)


def note_look(path):
    looked.add(str(path))
    return real_look(path)


os.listdir, os.path.isfile = note_list, note_look
session = Session()
session.set_credentials("x", "y")
session.create_client("dynamodb", region_name="us-east-1")
data = os.path.join(os.path.dirname(botocore.__file__), "data")
others = {path for path in listed if os.path.dirname(path) == data and not path.endswith("/dynamodb")}
files = {path for path in looked if path.startswith(data) and "/dynamodb/" not in path}
print(f"botocore {botocore.__version__}: {len(others)} folders of other services listed, {len(files)} files looked for")
raise SystemExit(0 if len(others) > 100 and len(files) > 100 else 1)
PY
if env/bin/python ask.py; then
    echo "as found: a client of one service looks into the folders of all"
else
    echo "this behaviour has changed"
    exit 1
fi
