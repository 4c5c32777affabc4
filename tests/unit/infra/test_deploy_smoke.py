"""What `make deploy` makes of the functions' smoke answers."""

from typing import Any

import pytest

from infra.deploy import smoke


class Functions:
    """A stage whose functions report; `denied` names a function whose write is denied in its transaction."""

    def __init__(self, denied: str = "", *, shown: bool = False) -> None:
        self._denied, self._shown = denied, shown

    def call(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        assert event == {"ctrip_smoke": True}
        outcome = "denied" if function == self._denied else "permitted"
        attempt = {"writes": ["Put access MER#"], "outcome": outcome, "role": "ctrip-dev-role", "reason": None}
        return {"attempts": [attempt], "all_keys_shown": self._shown, "permitted": outcome == "permitted"}


def test_every_function_is_asked_for_its_rights() -> None:
    stage: Any = Functions()
    assert smoke.rights(stage) == "13 transactions of 13 functions are permitted to their roles"


@pytest.mark.parametrize(("shown", "fallback"), [(True, True), (False, False)])
def test_a_denied_write_is_named_with_its_role_and_the_way_out(shown: bool, fallback: bool) -> None:
    """The parameter is named where it would help, and only there."""
    stage: Any = Functions("signer", shown=shown)
    with pytest.raises(smoke.Wrong) as told:
        smoke.rights(stage)
    assert "signer: Put access MER#: denied to the role ctrip-dev-role" in str(told.value)
    assert ("TableWideWrites=yes" in str(told.value)) is fallback
