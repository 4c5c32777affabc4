"""Admins, wired: their accounts and their sessions."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctrip.bootstrap.composition import Stage
    from ctrip.services.admins.lock_out import Lockout
    from ctrip.services.admins.manage_admins import AdminManager
    from ctrip.services.admins.sign_in import AdminSessions


class Admins:
    """The services of admins."""

    def __init__(self, stage: "Stage") -> None:
        self._on = stage.adapters

    @cached_property
    def manager(self) -> "AdminManager":
        """Build what makes and changes admins."""
        from ctrip.services.admins.manage_admins import AdminManager

        on = self._on
        return AdminManager(
            admins=on.admins,
            memory=on.access,
            passwords=on.passwords,
            codes=on.codes,
            cipher=on.cipher,
            lockout=self._lockout(),
            clock=on.clock,
            ids=on.ids,
        )

    @cached_property
    def sessions(self) -> "AdminSessions":
        """Build what signs admins in."""
        return self.new_sessions()

    def new_sessions(self) -> "AdminSessions":
        """Build another one, which remembers nothing."""
        from ctrip.services.admins.sign_in import AdminSessions

        on = self._on
        return AdminSessions(
            admins=on.admins,
            lockout=self._lockout(),
            passwords=on.passwords,
            codes=on.codes,
            tokens=on.tokens,
            cipher=on.cipher,
            clock=on.clock,
            ids=on.ids,
            log=on.log("api"),
        )

    def _lockout(self) -> "Lockout":
        from ctrip.services.admins.lock_out import Lockout

        return Lockout(self._on.limits, self._on.clock, self._on.log("api"))
