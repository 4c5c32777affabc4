"""The dashboard's routes: a table, from which they are enforced and tested; what answers is loaded by the first call.

Every start of the API reads this module, and few calls are the dashboard's: it imports none of the pages.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chalice import Response
from chalice.app import Blueprint

from ctrip.domain.admins import Permission as May

ROOT = "/admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One route; `view` names the function that answers, with its module, and `like` the operation of the admin API.

    `requires` is the permission that it takes; without one, any admin who has signed in. An `open` page takes nobody.
    `form` and `query` name models of `functions.requests`, with their modules.
    """

    method: str
    path: str
    view: str
    requires: May | None = None
    open: bool = False
    form: str = ""
    query: str = ""
    like: str = ""


def _get(path: str, view: str, requires: May | None = None, *, query: str = "", open_: bool = False) -> Page:
    return Page(method="GET", path=f"{ROOT}{path}", view=view, requires=requires, query=query, open=open_)


def _post(
    path: str, view: str, requires: May | None = None, *, form: str = "", open_: bool = False, like: str = ""
) -> Page:
    return Page(method="POST", path=f"{ROOT}{path}", view=view, requires=requires, form=form, open=open_, like=like)


MERCHANT = "/merchants/{merchant_id}"
PAYOUT = "/payouts/{merchant_id}/{payout_id}"
ENDPOINT = f"{MERCHANT}/endpoints/{{endpoint_id}}"
KEY = f"{MERCHANT}/keys/{{key_id}}"

PAGES: tuple[Page, ...] = (
    _get("", "overview.show", May.PAYMENTS_READ, query="dashboard.OverviewQuery"),
    _get("/login", "session.ask", query="dashboard.LoginQuery", open_=True),
    _post("/login", "session.sign_in", form="dashboard.LoginForm", open_=True, like="sign_in"),
    _post("/logout", "session.sign_out", like="sign_out"),
    # -- payments
    _get("/payments", "payments.list_all", May.PAYMENTS_READ, query="dashboard.PaymentsQuery"),
    _get("/payments/{payment_id}", "payments.show", May.PAYMENTS_READ),
    _post("/payments/{payment_id}/accept", "payments.accept", May.PAYMENTS_DECIDE, like="accept_any_payment"),
    _post("/payments/{payment_id}/cancel", "payments.cancel", May.PAYMENTS_DECIDE, like="cancel_any_payment"),
    _post("/payments/{payment_id}/refund", "payments.refund", May.PAYMENTS_DECIDE, form="dashboard.RefundForm"),
    _post(
        "/payments/{payment_id}/redeliver",
        "payments.redeliver",
        May.PAYMENTS_DECIDE,
        form="dashboard.RedeliverForm",
    ),
    _get("/deposits", "deposits.list_all", May.PAYMENTS_READ, query="dashboard.MerchantsOwn"),
    _post("/deposits/{deposit_id}/assign", "deposits.assign", May.PAYMENTS_DECIDE, form="dashboard.AssignForm"),
    _post("/deposits/{deposit_id}/refund", "deposits.refund", May.PAYMENTS_DECIDE, form="dashboard.DepositRefundForm"),
    # -- money
    _get("/payouts", "payouts.list_all", May.PAYOUTS_READ, query="dashboard.PayoutsQuery"),
    _post(f"{PAYOUT}/approve", "payouts.approve", May.PAYOUTS_APPROVE, like="approve_payout"),
    _post(
        f"{PAYOUT}/reject", "payouts.reject", May.PAYOUTS_APPROVE, form="payouts.RejectionRequest", like="reject_payout"
    ),
    _post(
        f"{PAYOUT}/complete",
        "payouts.complete",
        May.PAYOUTS_APPROVE,
        form="payouts.TransferRequest",
        like="complete_payout",
    ),
    _get("/sweeps", "sweeps.list_all", May.PAYOUTS_READ, query="dashboard.SweepsQuery"),
    _post("/sweeps/{payment_id}/approve", "sweeps.approve", May.PAYOUTS_APPROVE, like="approve_sweep"),
    _get("/ledger", "books.ledger", May.PAYOUTS_READ, query="dashboard.MerchantsOwn"),
    _get("/books", "books.compared", May.PAYOUTS_READ, query="dashboard.Lists"),
    _get("/wallets", "books.wallets", May.PAYOUTS_READ, query="dashboard.Lists"),
    # -- merchants
    _get("/merchants", "merchants.list_all", May.MERCHANTS_READ, query="dashboard.Lists"),
    _post(
        "/merchants", "merchants.create", May.MERCHANTS_WRITE, form="dashboard.NewMerchantForm", like="create_merchant"
    ),
    _get(MERCHANT, "merchants.show", May.MERCHANTS_READ),
    _post(MERCHANT, "merchants.update", May.MERCHANTS_WRITE, form="dashboard.MerchantForm", like="update_merchant"),
    _get(f"{MERCHANT}/keys", "keys.list_all", May.KEYS_READ, query="dashboard.Lists"),
    _post(f"{MERCHANT}/keys", "keys.create", May.KEYS_WRITE, form="dashboard.NewKeyForm", like="create_merchant_key"),
    _post(f"{KEY}/rotate", "keys.rotate", May.KEYS_WRITE, like="rotate_merchant_key"),
    _post(f"{KEY}/revoke", "keys.revoke", May.KEYS_WRITE, like="revoke_merchant_key"),
    _get(f"{MERCHANT}/endpoints", "endpoints.list_all", May.MERCHANTS_READ, query="dashboard.Lists"),
    _post(f"{MERCHANT}/endpoints", "endpoints.create", May.MERCHANTS_WRITE, form="dashboard.NewEndpointForm"),
    _get(ENDPOINT, "endpoints.show", May.MERCHANTS_READ, query="dashboard.Lists"),
    _post(f"{ENDPOINT}/switch", "endpoints.switch", May.MERCHANTS_WRITE, form="dashboard.SwitchForm"),
    _post(f"{ENDPOINT}/test", "endpoints.test", May.MERCHANTS_WRITE),
    _post(f"{ENDPOINT}/rotate", "endpoints.rotate", May.MERCHANTS_WRITE),
    _post(f"{ENDPOINT}/delete", "endpoints.delete", May.MERCHANTS_WRITE),
    _post(f"{ENDPOINT}/redeliver", "endpoints.redeliver", May.MERCHANTS_WRITE, form="dashboard.DeliveryForm"),
    # -- people
    _get("/users", "users.list_all", May.USERS_READ, query="dashboard.Lists"),
    _post("/users", "users.create", May.USERS_WRITE, form="users.UserRequest", like="create_user"),
    _post("/users/{user_id}", "users.update", May.USERS_WRITE, form="dashboard.UserForm", like="update_user"),
    _post("/users/{user_id}/reset", "users.reset", May.USERS_WRITE, like="reset_user"),
    _get("/audit", "audit.show", May.AUDIT_READ, query="dashboard.AuditOf"),
    _get("/account", "account.show"),
    _post("/account/password", "account.change_password", form="users.PasswordChange", like="change_my_password"),
    _post("/account/totp", "account.begin_totp", form="users.PasswordOnly", like="begin_totp"),
    _post("/account/totp/confirm", "account.confirm_totp", form="users.CodeOnly", like="confirm_totp"),
    _post("/account/totp/end", "account.end_totp", form="users.PasswordOnly", like="end_totp"),
)

routes = Blueprint(__name__)


def _register(page: Page) -> None:
    def handler(**parameters: str) -> Response:
        from functions.dashboard.guard import answered

        return answered(page, routes.current_request, parameters)

    name = f"dashboard_{page.view.replace('.', '_')}"
    register: Callable[..., Callable[..., Response]] = routes.route(
        page.path, methods=[page.method], content_types=["*/*"], name=name
    )
    register(handler)


for _page in PAGES:
    _register(_page)
