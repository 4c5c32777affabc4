#!/bin/sh
# botocore 1.44.5 with urllib3 2.8.0 (PyPI): an answer that a connection lost half of is an answer that holds nothing.
#
# DynamoDB announces the length of each answer. Where the connection ends before so many bytes have come, botocore's
# session gives out what there is (it asks urllib3 not to enforce the length), and its JSON parser takes what is no
# JSON for an object without known members: GetItem of an item that is there returns no `Item`, and raises nothing. The
# retry mode `standard` does not ask again. Seen in two steps below: the whole answer, then the same one cut. For us: an
# item that cannot be read must not look like one that is not there, so botocore_calls.py compares lengths and refuses a
# success that is no JSON object; both are then asked again.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check --no-deps \
    botocore==1.44.5 jmespath==1.1.0 python-dateutil==2.9.0.post0 six==1.17.0 urllib3==2.8.0
cat >ask.py <<'PY'
import json
import socket
import threading

import botocore
from botocore.config import Config
from botocore.session import Session

BODY = json.dumps({"Item": {"pk": {"S": "here"}}}).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n" % len(BODY)
answers = [HEAD + BODY, HEAD + BODY[:12]]
listener = socket.create_server(("127.0.0.1", 0))


def serve():
    for answer in answers:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as incoming:
            length = 0
            while (line := incoming.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            incoming.read(length)
            connection.sendall(answer)


threading.Thread(target=serve, daemon=True).start()
session = Session()
session.set_credentials("x", "y")
client = session.create_client(
    "dynamodb",
    region_name="us-east-1",
    endpoint_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
    config=Config(retries={"mode": "standard", "total_max_attempts": 3}),
)
seen = [client.get_item(TableName="t", Key={"pk": {"S": "here"}}).get("Item") for _ in answers]
print(f"botocore {botocore.__version__}: whole {seen[0]}, cut {seen[1]}")
raise SystemExit(0 if seen == [{"pk": {"S": "here"}}, None] else 1)
PY
if env/bin/python ask.py; then
    echo "as found: an answer cut after 12 bytes says that there is no item"
else
    echo "this behaviour has changed"
    exit 1
fi
