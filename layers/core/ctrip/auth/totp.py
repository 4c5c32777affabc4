"""One-time codes of an authenticator app: TOTP, six digits, half a minute each. Source: RFC 6238."""

import hmac
import re

import pyotp

STEP_SECONDS = 30
DRIFT = 1  # steps, either way
_CODE = re.compile(r"[0-9]{6}", re.ASCII)


class TotpCodes:
    """The `ports.OneTimeCodes` as TOTP; `issuer` is what the app shows."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def new_secret(self) -> str:
        """Return a new secret (base32)."""
        return pyotp.random_base32()

    def uri(self, secret: str, account: str) -> str:
        """Return the otpauth address that an app scans."""
        return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=self._issuer)

    def step(self, secret: str, code: str, now: int) -> int | None:
        """Return the step of a right code at `now` (unix seconds), None for a wrong one."""
        if not _CODE.fullmatch(code):
            return None
        generator, current = pyotp.HOTP(secret), now // STEP_SECONDS
        near = range(current - DRIFT, current + DRIFT + 1)
        right = [step for step in near if hmac.compare_digest(generator.at(step), code)]
        return right[-1] if right else None
