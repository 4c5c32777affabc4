"""What holds for every test: nobody's settings but the programs that the tests start, and no claim about speed."""

import os

from hypothesis import HealthCheck, settings

from infra.stack.names import TESTS

_KEPT = TESTS | {"CTRIP_AWS", "CTRIP_DYNAMODB", "CTRIP_NODE_URL"}

for name in [each for each in os.environ if each.startswith("CTRIP_") and each not in _KEPT]:
    del os.environ[name]

# How long an example takes says how busy the machine is: benchmarks are for speed.
settings.register_profile("ctrip", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ctrip")
