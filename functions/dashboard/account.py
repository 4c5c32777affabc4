"""What everybody may change of themselves: the password, and the second factor."""

from chalice import Response

from ctrip.bootstrap import stage
from functions.dashboard.visit import Visit


def show(visit: Visit) -> Response:
    """Show who is signed in."""
    return visit.show("account.html")


def change_password(visit: Visit) -> Response:
    """Change one's own password; every session ends, this one too."""
    form = visit.form
    stage().admins.manager.change_password(visit.user.admin.id, form.password, form.new_password, visit.origin)
    return visit.go("/login", "password")


def begin_totp(visit: Visit) -> Response:
    """Begin to set up a second factor: a secret for an authenticator app, shown this once."""
    from ctrip.pages.dashboard import qr_of

    totp = stage().admins.manager.begin_totp(visit.user.admin.id, visit.form.password, visit.origin)
    return visit.show("totp.html", secret=totp["secret"], qr=qr_of(totp["uri"]))


def confirm_totp(visit: Visit) -> Response:
    """Switch the second factor on, with the app's current code."""
    stage().admins.manager.confirm_totp(visit.user.admin.id, visit.form.code, visit.origin)
    return visit.go("/account", "totp_on")


def end_totp(visit: Visit) -> Response:
    """Switch the second factor off."""
    stage().admins.manager.end_totp(visit.user.admin.id, visit.form.password, visit.origin)
    return visit.go("/account", "totp_off")
