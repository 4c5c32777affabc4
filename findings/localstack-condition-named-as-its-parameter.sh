#!/usr/bin/env bash
# LocalStack 2026.3.0: a template whose condition has the name of the parameter that it asks (`WideWrites: {Fn::Equals:
# [{Ref: WideWrites}, "yes"]}`) can be created and never updated: each change set ends in 500 "maximum recursion depth
# exceeded". Its comparison of two templates takes a Ref for a condition first, and so the condition for itself. Names
# of conditions and of parameters are told apart in CloudFormation.
# Exits 0 while this holds, 1 once it has changed. Needs Python 3.13: on 3.12, for which LocalStack is published too, it
# finds none of its own plugins, as it imports what 3.13 brought.
set -euo pipefail

python=""
for candidate in ${PYTHON:-} python3.13 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13.*/bin/python; do
    if "$candidate" -c 'import sys, ensurepip; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || { echo "Python 3.13 is needed; PYTHON=... names one." >&2; exit 2; }

folder=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; wait 2>/dev/null; rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "localstack-core[runtime]==2026.3.0" "cbor2<6" "cryptography<47" \
    "pyopenssl==25.3.0" service_identity
"$folder/venv/bin/python" -c 'from importlib.metadata import version; print("localstack-core", version("localstack-core"))'

port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir "$folder/root"
env HOME="$folder" FILESYSTEM_ROOT="$folder/root" GATEWAY_LISTEN="127.0.0.1:$port" GATEWAY_SERVER=hypercorn \
    SKIP_SSL_CERT_DOWNLOAD=1 DISABLE_EVENTS=1 OVERRIDE_IN_DOCKER=0 \
    "$folder/venv/bin/python" -m localstack.runtime.main >"$folder/log" 2>&1 &
server=$!

cat >"$folder/update.py" <<'PYTHON'
import json, sys, time
import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

def update(cloudformation, condition):
    """Create a stack and change a tag of its queue; return what the change set ends in."""
    template = {
        "Parameters": {"WideWrites": {"Type": "String", "Default": "no"}},
        "Conditions": {condition: {"Fn::Equals": [{"Ref": "WideWrites"}, "yes"]}},
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {}}},
    }
    stack = f"stack-{condition}"
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    template["Resources"]["Queue"]["Properties"]["VisibilityTimeout"] = 60
    try:
        made = cloudformation.create_change_set(
            StackName=stack, ChangeSetName="change", TemplateBody=json.dumps(template), ChangeSetType="UPDATE"
        )
        while (now := cloudformation.describe_change_set(ChangeSetName=made["Id"]))["Status"].endswith("ING"):
            time.sleep(0.2)
        return now["Status"]
    except ClientError as error:
        return str(error)

endpoint = sys.argv[1]
options = {"endpoint_url": endpoint, "region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
cloudformation = boto3.client("cloudformation", config=Config(retries={"total_max_attempts": 1}), **options)
deadline = time.monotonic() + 60
while True:
    try:
        cloudformation.list_stacks()
        break
    except BotoCoreError:
        if time.monotonic() > deadline:
            sys.exit("LocalStack does not answer")
        time.sleep(0.5)
other, same = update(cloudformation, "WritesAreWide"), update(cloudformation, "WideWrites")
print("condition WritesAreWide:", other)
print("condition WideWrites, as the parameter:", same)
sys.exit(not (other == "CREATE_COMPLETE" and "maximum recursion depth exceeded" in same))
PYTHON
"$folder/venv/bin/python" "$folder/update.py" "http://127.0.0.1:$port" || { tail -5 "$folder/log"; exit 1; }
