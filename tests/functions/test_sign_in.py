"""Admins: signing in, staying in, being locked out, second factors (threats 7 and 8)."""

import base64
import json
from typing import Any

import jwt
import pyotp
import pytest

from ctrip.auth.passwords import Argon2Passwords
from ctrip.domain.admins import Role
from tests.fakes.cipher import FakeCipher
from tests.functions.conftest import OWNER, Api

AUDIENCE, ISSUER = "ctrip-admin", "ctrip-local"


def owner(api: Api) -> Any:
    """Sign the owner in."""
    api.token()
    return api.sign_in(*OWNER).json


def me(api: Api, token: str) -> int:
    """Ask who is signed in; return the status."""
    return int(api.call("GET", "/admin/api/me", key=token).status_code)


def signing_key(api: Api) -> tuple[str, str]:
    """Return the id and the secret that tokens are signed with."""
    [key] = api.world.stores.admins.token_keys()
    return key.id, FakeCipher().decrypt(key.encrypted, key.id)


def test_signing_in_gives_a_short_token_and_a_long_one(api: Api) -> None:
    """15 minutes, and 12 hours with the other; what the token says is what the contract asks for."""
    session = owner(api)
    assert (session["token_type"], session["expires_in"], session["user"]["role"]) == ("Bearer", 900, "owner")
    claims = jwt.decode(session["access_token"], options={"verify_signature": False})
    assert {"exp", "iat", "iss", "aud", "sub", "jti"} <= set(claims)
    assert claims["exp"] - claims["iat"] == 900
    assert me(api, session["access_token"]) == 200
    api.world.clock.at += 900_000
    assert me(api, session["access_token"]) == 401
    again = api.call("POST", "/admin/api/refresh", {"refresh_token": session["refresh_token"]}, key=None).json
    assert me(api, again["access_token"]) == 200
    api.world.clock.at += 12 * 3_600_000
    late = api.call("POST", "/admin/api/refresh", {"refresh_token": again["refresh_token"]}, key=None)
    assert late.status_code == 401


def test_a_refresh_token_that_comes_twice_ends_the_session(api: Api) -> None:
    """Somebody else has it too: neither goes on."""
    session = owner(api)
    spent = {"refresh_token": session["refresh_token"]}
    fresh = api.call("POST", "/admin/api/refresh", spent, key=None).json
    assert api.call("POST", "/admin/api/refresh", spent, key=None).status_code == 401
    assert me(api, fresh["access_token"]) == 401
    assert (
        api.call("POST", "/admin/api/refresh", {"refresh_token": fresh["refresh_token"]}, key=None).status_code == 401
    )


def test_a_stolen_refresh_token_is_found_out_however_often_it_went_on(api: Api) -> None:
    """The one it was stolen from comes back with what it had: nobody goes on."""
    session = owner(api)
    mine = {"refresh_token": session["refresh_token"]}
    theirs = api.call("POST", "/admin/api/refresh", mine, key=None).json
    theirs = api.call("POST", "/admin/api/refresh", {"refresh_token": theirs["refresh_token"]}, key=None).json
    assert api.call("POST", "/admin/api/refresh", mine, key=None).status_code == 401
    assert me(api, theirs["access_token"]) == 401


def test_a_password_that_is_replaced_meanwhile_opens_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparing takes a tenth of a second, in which somebody may have reset it."""
    token, door = api.token(Role.VIEWER), api.stage.admins.sessions
    user = api.call("GET", "/admin/api/me", key=token).json["id"]
    api.token()
    real = door.passwords.verify

    def slow(digest: str | None, password: str) -> bool:
        right = real(digest, password)
        monkeypatch.setattr(door.passwords, "verify", real)
        api.admin("POST", f"/users/{user}/reset")
        return right

    monkeypatch.setattr(door.passwords, "verify", slow)
    assert api.sign_in("viewer@ops.example", "the viewer's password").status_code == 401


def test_a_password_behind_a_session_is_no_easier_to_guess(api: Api) -> None:
    """A stolen token is not the account: ten guesses, and the account is locked."""
    token = api.token(Role.VIEWER)
    for _ in range(10):
        assert api.call("POST", "/admin/api/me/totp", {"password": "a guess"}, key=token).status_code == 401
    right = {"password": "the viewer's password", "new_password": "another long password"}
    assert api.call("POST", "/admin/api/me/password", right, key=token).status_code == 429


def test_a_token_of_a_key_that_another_process_made_is_taken(api: Api) -> None:
    """What is remembered of keys is read anew for it."""
    owner(api)
    other = api.stage.admins.new_sessions()
    api.world.clock.at += 1_000
    other.new_token_key()
    fresh = other.sign_in(*OWNER, None, "192.0.2.9", "r")
    assert me(api, fresh["access_token"]) == 200


def test_signing_out_holds_at_once(api: Api) -> None:
    """The token that was good a moment ago is not."""
    session = owner(api)
    assert api.call("POST", "/admin/api/logout", key=session["access_token"]).status_code == 204
    assert me(api, session["access_token"]) == 401


@pytest.mark.parametrize("change", ["disabled", "role", "password", "reset"])
def test_an_end_holds_at_once(api: Api, change: str) -> None:
    """A session does not outlive its admin's role, password or permission to be here."""
    token = api.token(Role.OPERATOR)
    user = api.admin("GET", "/me", role=Role.OPERATOR).json["id"]
    if change == "disabled":
        assert api.admin("PATCH", f"/users/{user}", {"enabled": False}).status_code == 200
    elif change == "role":
        assert api.admin("PATCH", f"/users/{user}", {"role": "viewer"}).status_code == 200
    elif change == "password":
        api.world.clock.at += 1
        body = {"password": "the operator's password", "new_password": "another long password"}
        assert api.admin("POST", "/me/password", body, role=Role.OPERATOR).status_code == 200
    else:
        api.world.clock.at += 1
        new = api.admin("POST", f"/users/{user}/reset").json["password"]
        assert api.sign_in("operator@ops.example", new).status_code == 200
    api.world.clock.at += 1
    assert me(api, token) == 401


def test_the_old_password_is_gone(api: Api) -> None:
    """And a short new one is refused."""
    token = api.token(Role.VIEWER)
    short = {"password": "the viewer's password", "new_password": "short"}
    assert api.call("POST", "/admin/api/me/password", short, key=token).status_code == 400
    wrong = {"password": "not the password", "new_password": "another long password"}
    assert api.call("POST", "/admin/api/me/password", wrong, key=token).status_code == 401
    body = {"password": "the viewer's password", "new_password": "another long password"}
    assert api.call("POST", "/admin/api/me/password", body, key=token).status_code == 200
    assert api.sign_in("viewer@ops.example", "the viewer's password").status_code == 401
    assert api.sign_in("viewer@ops.example", "another long password").status_code == 200


# -- tokens (threat 7)


def claims_of(api: Api, session: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Return a good token's claims, changed; None takes one out."""
    claims = jwt.decode(session["access_token"], options={"verify_signature": False}) | changed
    return {name: value for name, value in claims.items() if value is not None}


def spelt(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_token_of_another_making_is_401(api: Api) -> None:
    """No algorithm, another one, another key, a short key, the wrong audience, issuer or time, a claim missing."""
    session = owner(api)
    key_id, key = signing_key(api)

    def signed(claims: dict[str, Any], by: str = key, algorithm: str = "HS256", **header: Any) -> str:
        return jwt.encode(claims, by, algorithm=algorithm, headers={"kid": key_id} | header)

    good = claims_of(api, session)
    assert me(api, signed(good)) == 200
    now = api.world.clock.now() // 1000
    bad = {
        "none": f"{spelt({'alg': 'none', 'kid': key_id})}.{spelt(good)}.",
        "none with a signature": f"{spelt({'alg': 'none', 'kid': key_id})}.{spelt(good)}.{signed(good).split('.')[2]}",
        "another algorithm": signed(good, algorithm="HS512"),
        "another key": signed(good, by="k" * 43),
        "an unknown key id": signed(good, kid="01UNKNOWN"),
        "no key id": jwt.encode(good, key, algorithm="HS256"),
        "another audience": signed(good | {"aud": "somebody-else"}),
        "another issuer": signed(good | {"iss": "ctrip-prod"}),
        "expired": signed(good | {"iat": now - 1000, "exp": now}),
        "of the future": signed(good | {"iat": now + 3600, "exp": now + 7200}),
        "another's session": signed(good | {"sub": "somebody-else"}),
        "no such session": signed(good | {"sid": "a" * 16}),
    }
    for name in ("exp", "iat", "iss", "aud", "sub", "jti", "sid"):
        bad[f"without {name}"] = signed(claims_of(api, session, **{name: None}))
    for what, token in bad.items():
        assert me(api, token) == 401, what
    head, body, tag = session["access_token"].split(".")
    for place in range(len(tag) - 1):  # the last character's low bits are padding
        flipped = tag[:place] + ("A" if tag[place] != "A" else "B") + tag[place + 1 :]
        assert me(api, f"{head}.{body}.{flipped}") == 401, place


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_short_key_signs_nothing(api: Api) -> None:
    """Even one that stands in the table."""
    from ctrip.ports.admins import TokenKey

    session = owner(api)
    api.world.clock.at += 301_000
    key_id = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"
    api.world.stores.admins.put_token_key(
        TokenKey(key_id, FakeCipher().encrypt("short", key_id), api.world.clock.now())
    )
    token = jwt.encode(claims_of(api, session), "short", algorithm="HS256", headers={"kid": key_id})
    assert me(api, token) == 401


def test_the_key_of_tokens_can_be_replaced(api: Api) -> None:
    """What the old one signed is good until it expires, and not for longer."""
    session = owner(api)
    api.stage.admins.sessions.new_token_key()
    assert me(api, session["access_token"]) == 200
    fresh = api.sign_in(*OWNER).json
    kid = jwt.get_unverified_header(fresh["access_token"])["kid"]
    assert kid != jwt.get_unverified_header(session["access_token"])["kid"]
    old = api.world.stores.admins.token_keys()[1]
    api.world.clock.at += 901_000
    now = api.world.clock.now() // 1000
    forged = claims_of(api, fresh, iat=now, exp=now + 900)
    assert (
        me(
            api,
            jwt.encode(forged, FakeCipher().decrypt(old.encrypted, old.id), algorithm="HS256", headers={"kid": old.id}),
        )
        == 401
    )


# -- signing in (threat 8)


def test_every_failure_says_the_same(api: Api) -> None:
    """An unknown address, a malformed one, a wrong password, a disabled admin, a wrong code."""
    api.token(Role.VIEWER)
    user = api.admin("GET", "/me", role=Role.VIEWER).json["id"]
    said = {
        (answer.status_code, answer.json["code"], answer.json["detail"])
        for answer in (
            api.sign_in("nobody@ops.example", "whatever it may be"),
            api.sign_in("no address at all", "whatever it may be"),
            api.sign_in("viewer@ops.example", "whatever it may be"),
        )
    }
    api.admin("PATCH", f"/users/{user}", {"enabled": False})
    disabled = api.sign_in("viewer@ops.example", "the viewer's password")
    said.add((disabled.status_code, disabled.json["code"], disabled.json["detail"]))
    assert said == {(401, "unauthorized", "The e-mail address, the password or the code is wrong.")}


def test_an_unknown_user_costs_as_much_as_a_known_one(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash is computed either way, with the same parameters: there is nothing to time."""
    api.token()
    compared: list[str | None] = []
    door = api.stage.admins.sessions
    assert isinstance(door.passwords, Argon2Passwords)
    real = door.passwords._hasher

    class Watched:
        def verify(self, digest: str, password: str) -> bool:
            compared.append(digest.rsplit("$", 2)[0])
            return bool(real.verify(digest, password))

    monkeypatch.setattr(door.passwords, "_hasher", Watched())
    api.sign_in("nobody@ops.example", "whatever it may be")
    api.sign_in(OWNER[0], "whatever it may be")
    assert len(compared) == 2
    assert compared[0] == compared[1]


def test_the_eleventh_attempt_is_locked_out(api: Api) -> None:
    """Even with the right password, whoever the account is; until the window is over. Another account is not."""
    api.token(Role.VIEWER)
    api.token()
    for email in (OWNER[0], "nobody@ops.example"):
        for _ in range(10):
            assert api.sign_in(email, "wrong, and wrong again").status_code == 401
        locked = api.sign_in(email, OWNER[1])
        assert (locked.status_code, locked.json["code"]) == (429, "too_many_attempts")
        assert 1 <= int(locked.headers["Retry-After"]) <= 900
    assert api.sign_in("viewer@ops.example", "the viewer's password").status_code == 200
    api.world.clock.at += 900_000
    assert api.sign_in(*OWNER).status_code == 200


def test_an_address_is_locked_out_whatever_it_tries(api: Api) -> None:
    """One password against many accounts is thirty attempts, no more."""
    for number in range(30):
        assert api.sign_in(f"user{number}@ops.example", "Summer2026!").status_code == 401
    assert api.sign_in("user31@ops.example", "Summer2026!").status_code == 429


def test_what_succeeds_does_not_count(api: Api) -> None:
    """Somebody who signs in often is not locked out."""
    api.token()
    assert {api.sign_in(*OWNER).status_code for _ in range(15)} == {200}


def test_a_second_factor_is_asked_for_once_it_is_confirmed(api: Api) -> None:
    """Each code serves once, also of those that are good at the same time; switching it off takes the password."""
    token = api.token()
    begun = api.call("POST", "/admin/api/me/totp", {"password": OWNER[1]}, key=token).json
    assert begun["uri"].startswith("otpauth://totp/ctrip-local:owner%40ops.example?secret=")
    totp = pyotp.TOTP(begun["secret"])

    def code(ago: int = 0) -> str:
        return totp.at(api.world.clock.now() // 1000 - 30 * ago)

    assert api.sign_in(*OWNER).status_code == 200  # not yet
    wrong = api.call("POST", "/admin/api/me/totp/confirm", {"code": "000000"}, key=token)
    assert (wrong.status_code, wrong.json["errors"][0]["code"]) == (400, "wrong_code")
    confirmed = api.call("POST", "/admin/api/me/totp/confirm", {"code": code()}, key=token)
    assert confirmed.json["totp"] is True
    assert api.sign_in(*OWNER).status_code == 401
    assert api.sign_in(*OWNER, code()).status_code == 401  # it confirmed already
    api.world.clock.at += 30_000
    assert api.sign_in(*OWNER, code()).status_code == 200
    assert api.sign_in(*OWNER, code()).status_code == 401
    assert api.sign_in(*OWNER, code(ago=1)).status_code == 401
    api.world.clock.at += 90_000
    assert api.sign_in(*OWNER, code(ago=2)).status_code == 401
    assert api.sign_in(*OWNER, code(ago=1)).status_code == 200
    assert api.call("POST", "/admin/api/me/totp", {"password": OWNER[1]}, key=token).json["code"] == "totp_on"
    assert api.call("POST", "/admin/api/me/totp/end", {"password": "wrong"}, key=token).status_code == 401
    assert api.call("POST", "/admin/api/me/totp/end", {"password": OWNER[1]}, key=token).json["totp"] is False
    assert api.sign_in(*OWNER).status_code == 200


def test_nobody_locks_themselves_out_of_ownership(api: Api) -> None:
    """An owner neither disables nor demotes nor resets themselves, so one always remains."""
    user = api.admin("GET", "/me").json["id"]
    for body in ({"enabled": False}, {"role": "viewer"}):
        answer = api.admin("PATCH", f"/users/{user}", body)
        assert (answer.status_code, answer.json["code"]) == (409, "own_account")
    assert api.admin("POST", f"/users/{user}/reset").json["code"] == "own_account"
    assert api.admin("PATCH", f"/users/{user}", {"name": "Another name"}).json["name"] == "Another name"


def test_users_are_made_with_a_password_that_is_shown_once(api: Api) -> None:
    """A repeated key replays it as null; an address is one user's."""
    body = {"email": "New@Ops.example", "name": "New", "role": "accountant"}
    made = api.admin("POST", "/users", body, Idempotency_Key="one")
    assert (made.status_code, made.json["email"]) == (201, "new@ops.example")
    assert api.sign_in("new@ops.example", made.json["password"]).status_code == 200
    again = api.admin("POST", "/users", body, Idempotency_Key="one")
    assert (again.json, again.headers["Idempotent-Replayed"]) == (made.json | {"password": None}, "true")
    twin = api.admin("POST", "/users", body)
    assert (twin.status_code, twin.json["code"]) == (409, "email_in_use")
    for email in ("nonsense", "a@@b.example", "a b@c.example", "a@b..example", "é@b.example"):
        answer = api.admin("POST", "/users", body | {"email": email})
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, "email"), email
    listed = api.admin("GET", "/users?limit=1").json
    rest = api.admin("GET", f"/users?cursor={listed['next_cursor']}").json
    assert {each["email"] for each in [*listed["data"], *rest["data"]]} == {OWNER[0], "new@ops.example"}


def test_real_passwords_are_argon2id() -> None:
    """In a recommended setting, salted each by itself."""
    passwords = Argon2Passwords()
    first, second = passwords.hash("a long password"), passwords.hash("a long password")
    assert first.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert first != second
    assert passwords.verify(first, "a long password")
    assert not passwords.verify(first, "another password")
    assert not passwords.verify(None, "nobody has this password")
    assert not passwords.verify("not a hash", "a long password")
