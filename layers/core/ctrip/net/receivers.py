"""Webhook endpoints, over httpx: no redirects, no proxies, at most 64 KiB read, 15 seconds in all."""

import logging
import time

import httpx

from ctrip.ports import Reply

# httpx notes every address it asks, and a merchant's may hold a key.
logging.getLogger("httpx").setLevel(logging.WARNING)

TOTAL_SECONDS = 15.0
MAX_BYTES = 64 * 1024


class HttpReceivers:
    """Posts to whatever address an event names; the local stage alone uses it, until addresses are vetted."""

    def __init__(self) -> None:
        self._client = httpx.Client(follow_redirects=False, trust_env=False, timeout=httpx.Timeout(10.0, connect=3.0))

    def post(self, url: str, headers: dict[str, str], body: bytes) -> Reply:
        """Deliver once; a slow, dripping or huge answer is cut off, and its status still counts."""
        deadline = time.monotonic() + TOTAL_SECONDS
        try:
            with self._client.stream(
                "POST", url, headers={"User-Agent": "ctrip-webhooks/1", **headers}, content=body
            ) as answer:
                read = 0
                for chunk in answer.iter_raw(8_192):
                    read += len(chunk)
                    if read > MAX_BYTES or time.monotonic() > deadline:
                        break
                return Reply(answer.status_code, None, _seconds(answer.headers.get("Retry-After")))
        except httpx.TimeoutException:
            return Reply(None, "timed out")
        except Exception as exc:  # host names fail in many ways below httpx, and none of them is our fault
            return Reply(None, type(exc).__name__)


def _seconds(value: str | None) -> int | None:
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 7 else None
