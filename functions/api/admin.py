"""The admin API: merchants, their keys and payments, users, the audit trail."""

from chalice import Response

from ctrip import bootstrap
from ctrip.domain.admins import Permission
from ctrip.domain.errors import InvalidField
from ctrip.views.access import admin_view, audit_view
from functions.api.http import Call, Resource, address_of, answer, answered, nothing, request_id
from functions.api.keys import filtered as filtered_keys
from functions.api.keys import wanted
from functions.api.models import (
    AdminPaymentQuery,
    AuditQuery,
    CodeOnly,
    Credentials,
    KeyQuery,
    KeyRequest,
    MerchantPatch,
    MerchantRequest,
    Paged,
    PasswordChange,
    PasswordOnly,
    RotationRequest,
    SessionRefresh,
    UserPatch,
    UserRequest,
)
from functions.api.payments import filtered

routes = Resource(__name__)
ROOT = "/admin/api"
MERCHANT = f"{ROOT}/merchants/{{merchant_id}}"
KEYS = f"{MERCHANT}/keys"
PAYMENT = f"{ROOT}/payments/{{payment_id}}"
USER = f"{ROOT}/users/{{user_id}}"
OF_PASSWORDS = ("user_changed", "too_many_attempts")

# -- sessions


@routes.on(
    "POST",
    f"{ROOT}/login",
    body=Credentials,
    answers="Session",
    codes=("unauthorized", "too_many_attempts"),
)
def sign_in(call: Call) -> Response:
    """Sign in: a token for 15 minutes, and one to refresh it with for 12 hours."""
    body: Credentials = call.body
    address, asked = address_of(call.request), request_id(call.request)
    return answer(bootstrap.doorkeeper().sign_in(body.email, body.password, body.code, address, asked))


@routes.on("POST", f"{ROOT}/refresh", body=SessionRefresh, answers="Session", codes=("unauthorized",))
def refresh(call: Call) -> Response:
    """Exchange a refresh token for the next pair; one that comes twice ends the session."""
    return answer(bootstrap.doorkeeper().refresh(call.body.refresh_token))


@routes.on("POST", f"{ROOT}/logout", signed_in=True, status=204)
def sign_out(call: Call) -> Response:
    """End the session, at once."""
    bootstrap.doorkeeper().sign_out(call.user)
    return nothing()


@routes.on("GET", f"{ROOT}/me", signed_in=True, answers="User")
def read_me(call: Call) -> Response:
    """Show who is signed in."""
    return answer(admin_view(call.user.admin))


@routes.on("POST", f"{ROOT}/me/password", signed_in=True, body=PasswordChange, answers="User", codes=OF_PASSWORDS)
def change_my_password(call: Call) -> Response:
    """Change one's own password; every session ends."""
    body: PasswordChange = call.body
    manager = bootstrap.admin_manager()
    return answer(manager.change_password(call.user.admin.id, body.password, body.new_password, call.origin))


@routes.on(
    "POST",
    f"{ROOT}/me/totp",
    signed_in=True,
    body=PasswordOnly,
    answers="Totp",
    codes=("totp_on", "user_changed", "too_many_attempts"),
)
def begin_totp(call: Call) -> Response:
    """Begin to set up a second factor: a secret for an authenticator app, shown this once."""
    return answer(bootstrap.admin_manager().begin_totp(call.user.admin.id, call.body.password, call.origin))


@routes.on(
    "POST",
    f"{ROOT}/me/totp/confirm",
    signed_in=True,
    body=CodeOnly,
    answers="User",
    codes=("totp_not_begun", "user_changed"),
)
def confirm_totp(call: Call) -> Response:
    """Switch the second factor on, with the app's current code."""
    return answer(bootstrap.admin_manager().confirm_totp(call.user.admin.id, call.body.code, call.origin))


@routes.on(
    "POST",
    f"{ROOT}/me/totp/end",
    signed_in=True,
    body=PasswordOnly,
    answers="User",
    codes=("user_changed", "too_many_attempts"),
)
def end_totp(call: Call) -> Response:
    """Switch the second factor off."""
    return answer(bootstrap.admin_manager().end_totp(call.user.admin.id, call.body.password, call.origin))


# -- merchants


@routes.on("GET", f"{ROOT}/merchants", may=Permission.MERCHANTS_READ, query=Paged, answers="MerchantPage")
def list_merchants(call: Call) -> Response:
    """List merchants."""
    return answer(bootstrap.merchant_manager().page(call.query.cursor or "", call.query.limit))


@routes.on(
    "POST",
    f"{ROOT}/merchants",
    may=Permission.MERCHANTS_WRITE,
    body=MerchantRequest,
    answers="MerchantWithSecret",
    status=201,
)
def create_merchant(call: Call) -> Response:
    """Make a merchant: `provisioning` until the signer has given it an account, or on its own key at once."""
    body: MerchantRequest = call.body
    return answered(bootstrap.merchant_manager().create(body.terms(), body.xpub, call.origin, call.idempotency), 201)


@routes.on("GET", MERCHANT, may=Permission.MERCHANTS_READ, answers="Merchant", codes=("merchant_not_found",))
def read_merchant(call: Call, merchant_id: str) -> Response:
    """Show a merchant."""
    return answer(bootstrap.merchant_manager().one(merchant_id))


@routes.on(
    "PATCH",
    MERCHANT,
    may=Permission.MERCHANTS_WRITE,
    body=MerchantPatch,
    answers="Merchant",
    codes=("merchant_not_found", "merchant_changed"),
)
def update_merchant(call: Call, merchant_id: str) -> Response:
    """Change a merchant's terms, or switch it off; payments that exist keep the terms they were made under."""
    return answer(bootstrap.merchant_manager().update(merchant_id, call.body.terms(), call.origin))


# -- keys


@routes.on("GET", KEYS, may=Permission.KEYS_READ, query=KeyQuery, answers="KeyPage", codes=("merchant_not_found",))
def list_merchant_keys(call: Call, merchant_id: str) -> Response:
    """List a merchant's keys, newest first, without their secrets."""
    return answer(bootstrap.key_manager().page(merchant_id, filtered_keys(call.query)))


@routes.on(
    "POST",
    KEYS,
    may=Permission.KEYS_WRITE,
    body=KeyRequest,
    answers="KeyWithSecrets",
    status=201,
    codes=("merchant_not_found", "too_many_keys", "merchant_changed"),
)
def create_merchant_key(call: Call, merchant_id: str) -> Response:
    """Make a key for a merchant; its secrets are shown this once."""
    return answered(bootstrap.key_manager().create(merchant_id, wanted(call.body), call.origin, call.idempotency), 201)


@routes.on(
    "POST",
    f"{KEYS}/{{key_id}}/rotate",
    may=Permission.KEYS_WRITE,
    body=RotationRequest,
    answers="KeyWithSecrets",
    status=201,
    codes=("key_not_found", "key_not_usable", "key_changed", "merchant_changed"),
)
def rotate_merchant_key(call: Call, merchant_id: str, key_id: str) -> Response:
    """Give a merchant's key new secrets, shown this once."""
    overlap, manager = call.body.overlap_seconds, bootstrap.key_manager()
    made = manager.rotate(merchant_id, key_id, call.origin, call.idempotency, overlap_seconds=overlap)
    return answered(made, 201)


@routes.on(
    "DELETE",
    f"{KEYS}/{{key_id}}",
    may=Permission.KEYS_WRITE,
    status=204,
    codes=("key_not_found", "key_changed", "merchant_changed"),
)
def revoke_merchant_key(call: Call, merchant_id: str, key_id: str) -> Response:
    """End a merchant's key for good."""
    bootstrap.key_manager().revoke(merchant_id, key_id, call.origin)
    return nothing()


# -- payments


@routes.on(
    "GET",
    f"{ROOT}/payments",
    may=Permission.PAYMENTS_READ,
    query=AdminPaymentQuery,
    answers="PaymentPage",
)
def list_merchant_payments(call: Call) -> Response:
    """List one merchant's payments, newest first."""
    query: AdminPaymentQuery = call.query
    return answer(bootstrap.reader().page(query.merchant_id, filtered(query), query.order_id))


@routes.on("GET", PAYMENT, may=Permission.PAYMENTS_READ, answers="Payment", codes=("payment_not_found",))
def read_any_payment(call: Call, payment_id: str) -> Response:
    """Show any merchant's payment."""
    return answer(bootstrap.reader().one(None, payment_id))


@routes.on(
    "POST",
    f"{PAYMENT}/cancel",
    may=Permission.PAYMENTS_DECIDE,
    answers="Payment",
    codes=("payment_not_found", "payment_not_cancellable", "payment_changed"),
)
def cancel_any_payment(call: Call, payment_id: str) -> Response:
    """Cancel a payment for its merchant."""
    return answered(bootstrap.closer().cancel(None, payment_id, call.origin, call.idempotency))


@routes.on(
    "POST",
    f"{PAYMENT}/accept",
    may=Permission.PAYMENTS_DECIDE,
    answers="Payment",
    codes=("payment_not_found", "payment_not_acceptable", "payment_changed"),
)
def accept_any_payment(call: Call, payment_id: str) -> Response:
    """Accept a late or held payment for its merchant."""
    return answered(bootstrap.closer().accept(None, payment_id, call.origin, call.idempotency))


# -- audit


@routes.on(
    "GET",
    f"{ROOT}/audit",
    may=Permission.AUDIT_READ,
    query=AuditQuery,
    answers="AuditPage",
    codes=("payment_not_found", "merchant_not_found", "user_not_found"),
)
def read_audit(call: Call) -> Response:
    """Show what was done to a payment, a merchant or a user: by whom, from where, before and after; oldest first."""
    query: AuditQuery = call.query
    asked = {name: getattr(query, name) for name in ("payment_id", "merchant_id", "user_id")}
    given = [name for name, value in asked.items() if value is not None]
    if len(given) != 1:
        name = given[1] if given else "payment_id"
        raise InvalidField(name, "mutually_exclusive", "give exactly one of payment_id, merchant_id and user_id")
    [name] = given
    records, more = bootstrap.audit_reader().page(name, asked[name], query.after, query.limit)
    return answer({"data": [audit_view(each) for each in records], "next_after": more})


# -- users


@routes.on("GET", f"{ROOT}/users", may=Permission.USERS_READ, query=Paged, answers="UserPage")
def list_users(call: Call) -> Response:
    """List the users of this API."""
    return answer(bootstrap.admin_manager().page(call.query.cursor or "", call.query.limit))


@routes.on(
    "POST",
    f"{ROOT}/users",
    may=Permission.USERS_WRITE,
    body=UserRequest,
    answers="UserWithPassword",
    status=201,
    codes=("email_in_use",),
)
def create_user(call: Call) -> Response:
    """Make a user, with a random password that is shown this once."""
    body: UserRequest = call.body
    made = bootstrap.admin_manager().create(body.email, body.name, body.role, call.origin, call.idempotency)
    return answered(made, 201)


@routes.on("GET", USER, may=Permission.USERS_READ, answers="User", codes=("user_not_found",))
def read_user(call: Call, user_id: str) -> Response:
    """Show a user."""
    return answer(bootstrap.admin_manager().one(user_id))


@routes.on(
    "PATCH",
    USER,
    may=Permission.USERS_WRITE,
    body=UserPatch,
    answers="User",
    codes=("user_not_found", "own_account", "user_changed"),
)
def update_user(call: Call, user_id: str) -> Response:
    """Change a user's name or role, or switch them off; a new role ends their sessions."""
    body, manager = call.body.model_dump(), bootstrap.admin_manager()
    return answer(manager.update(user_id, call.origin, call.user.admin.id, **body))


@routes.on(
    "POST",
    f"{USER}/reset",
    may=Permission.USERS_WRITE,
    answers="UserWithPassword",
    codes=("user_not_found", "own_account", "user_changed"),
)
def reset_user(call: Call, user_id: str) -> Response:
    """Give a user a random password, shown this once, and no second factor; their sessions end."""
    manager = bootstrap.admin_manager()
    return answered(manager.reset(user_id, call.origin, call.user.admin.id, call.idempotency))
