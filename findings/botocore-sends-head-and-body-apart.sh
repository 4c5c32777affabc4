#!/bin/sh
# botocore 1.44.5 with urllib3 2.8.0 (PyPI): a request goes out in two pieces, its head and its body.
#
# botocore's connection joins both "in a single send() call" where http.client hands it the body with the end of the
# head. urllib3 has sent bodies by itself since version 2, so that code is never given one: each call of DynamoDB takes
# two sends of this side, and two wake-ups of the other. For us: botocore_calls.py sends over a connection that stands
# already in one piece.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check --no-deps \
    botocore==1.44.5 jmespath==1.1.0 python-dateutil==2.9.0.post0 six==1.17.0 urllib3==2.8.0
cat >ask.py <<'PY'
import http.client
import socket
import threading

import botocore
import urllib3
from botocore.session import Session

listener = socket.create_server(("127.0.0.1", 0))


def serve():
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as incoming:
        length = 0
        while (line := incoming.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        incoming.read(length)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


pieces, send = [], http.client.HTTPConnection.send


def note(self, data):
    pieces.append(bytes(data))
    return send(self, data)


http.client.HTTPConnection.send = note
threading.Thread(target=serve, daemon=True).start()
session = Session()
session.set_credentials("x", "y")
url = f"http://127.0.0.1:{listener.getsockname()[1]}"
session.create_client("dynamodb", region_name="us-east-1", endpoint_url=url).list_tables()
print(f"botocore {botocore.__version__}, urllib3 {urllib3.__version__}: {len(pieces)} pieces, the last {pieces[-1]!r}")
raise SystemExit(0 if len(pieces) == 2 and pieces[0].endswith(b"\r\n\r\n") and pieces[1] == b"{}" else 1)
PY
if env/bin/python ask.py; then
    echo "as found: head and body are sent apart"
else
    echo "this behaviour has changed"
    exit 1
fi
