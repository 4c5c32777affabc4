"""The fallback of the policies: one parameter lets writes go to whole tables, should leading keys prove too narrow.

Writes are held to the leading keys of their items. Should AWS show each write of a transaction the keys of all
writes, such a condition denies what it should permit; `make deploy` asks (`functions/smoke.py`). Reads keep
their conditions, and no function is given another table.
"""

from __future__ import annotations

import json
from typing import Any

CONDITION = "WritesAreTableWide"
_WRITES = frozenset(f"dynamodb:{write}Item" for write in ("Put", "Update", "Delete", "ConditionCheck"))


def with_fallback(template: dict[str, Any]) -> dict[str, Any]:
    """Return a template whose conditions on leading keys of writes hold unless the parameter takes them out."""
    resources = json.loads(json.dumps(template["Resources"]))
    for role in (body for body in resources.values() if body.get("Type") == "AWS::IAM::Role"):
        for policy in role["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                if "Condition" in statement and _WRITES & set(statement["Action"]):
                    held = statement["Condition"]
                    statement["Condition"] = {"Fn::If": [CONDITION, {"Ref": "AWS::NoValue"}, held]}
    return {**template, "Resources": resources}
