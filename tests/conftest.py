"""No test sees the settings of whoever runs it, but for what stands in for the programs that the tests start."""

import os

from infra.local.names import TESTS

_KEPT = TESTS | {"CTRIP_AWS", "CTRIP_DYNAMODB", "CTRIP_NODE_URL"}

for name in [each for each in os.environ if each.startswith("CTRIP_") and each not in _KEPT]:
    del os.environ[name]
