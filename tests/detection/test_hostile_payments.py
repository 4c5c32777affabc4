"""Threat 17 on a real chain: whatever a contract says, what is credited is exactly what arrived."""

from collections.abc import Callable

import pytest
import requests
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ctrip.domain.payment import Flag, Status
from infra.local import wallet
from tests.detection.node_world import COIN, PAID, PAYER, TOKEN, NodeWorld, deploy_token, listed
from tests.evm_support import Anvil, asset, call_data

Make = Callable[..., NodeWorld]
