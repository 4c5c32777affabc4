"""What schemathesis learns beyond the description: an amount, described as text, is taken as an integer too."""

from typing import Any

import schemathesis


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Widen the amount to all that is taken, so that an integer or a null is no wrong value that passed."""
    amount = raw_schema["components"]["schemas"]["PaymentRequest"]["properties"]["amount"]
    text = {"type": "string", "pattern": amount.pop("pattern")}
    del amount["type"]
    amount["anyOf"] = [text, {"type": "integer", "minimum": 1, "maximum": 2**256 - 1}, {"type": "null"}]
