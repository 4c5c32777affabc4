"""Merchants' webhook endpoints in memory."""

from dataclasses import dataclass, field

from ctrip.domain.webhooks.addresses import endpoint_problem
from ctrip.net.receivers import FORBIDDEN
from ctrip.ports.http import Reply


@dataclass(slots=True)
class FakeSender:
    """Endpoints that answer as told (default 204) and remember what came."""

    replies: list[Reply] = field(default_factory=list)
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def post(self, url: str, headers: dict[str, str], body: bytes) -> Reply:
        if endpoint_problem(url, loopback=True):
            return Reply(None, FORBIDDEN)
        self.got.append((url, headers, body))
        reply = self.replies.pop(0) if self.replies else Reply(204)
        answered = reply.status is not None
        if answered != (reply.error is None) or (reply.retry_after is not None and not answered):
            raise AssertionError(f"no receiver answers so: {reply}")
        return reply
