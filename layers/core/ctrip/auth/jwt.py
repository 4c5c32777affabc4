"""Access tokens: JWTs, signed by HMAC-SHA256, whatever a token's own header says of its algorithm."""

from collections.abc import Mapping

import jwt
from jwt.types import Options

from ctrip.ports.credentials import Claims

ALGORITHM = "HS256"
AUDIENCE = "ctrip-admin"
LEAST_KEY_BYTES = 32
SKEW_SECONDS = 60
# The times are compared below, with the clock that everything else goes by.
_OPTIONS: Options = {
    "require": ["exp", "iat", "iss", "aud", "sub", "jti"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


class JwtTokens:
    """The `ports.Tokens` as JWTs; `issuer` names the stage."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def issue(self, claims: Claims, *, key_id: str, key: str) -> str:
        """Sign; times are unix seconds."""
        payload = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": claims.subject,
            "sid": claims.session,
            "jti": claims.token_id,
            "iat": claims.issued_at,
            "exp": claims.expires_at,
        }
        return jwt.encode(payload, key, algorithm=ALGORITHM, headers={"kid": key_id})

    def read(self, token: str, keys: Mapping[str, str], now: int) -> Claims | None:
        """Verify at `now` (unix seconds) by the key that the token names; None for whatever is not right."""
        try:
            key = keys.get(str(jwt.get_unverified_header(token).get("kid")))
            if key is None or len(key.encode()) < LEAST_KEY_BYTES:
                return None
            held = jwt.decode(
                token, key, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=self._issuer, options=_OPTIONS
            )
            claims = Claims(str(held["sub"]), str(held["sid"]), str(held["jti"]), int(held["iat"]), int(held["exp"]))
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            return None
        return claims if claims.issued_at - SKEW_SECONDS <= now < claims.expires_at else None
