"""Payments, wired: create, read, cancel, accept."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctrip.bootstrap.composition import Stage
    from ctrip.services.payments.choose_payment import PaymentChooser
    from ctrip.services.payments.close_payment import PaymentCloser
    from ctrip.services.payments.create_payment import PaymentCreator
    from ctrip.services.payments.lapse_unchosen import UnchosenLapser
    from ctrip.services.payments.open_payment import PaymentOpener
    from ctrip.services.payments.read_payment import PaymentReader


class Payments:
    """The services of payments."""

    def __init__(self, stage: "Stage") -> None:
        self._stage, self._on = stage, stage.adapters

    @cached_property
    def creator(self) -> "PaymentCreator":
        """Build what creates payments."""
        from ctrip.services.payments.create_payment import PaymentCreator

        stage, on = self._stage, self._on
        return PaymentCreator(
            networks=on.networks,
            payments=on.payments,
            opener=self.opener,
            once=stage.once(),
            limiter=stage.merchants.limiter,
            rates=lambda: stage.prices.book,
            jobs=stage.notifying("api"),
            clock=on.clock,
            ids=on.ids,
            recorder=stage.recorder("api"),
            log=on.log("api"),
            plain_http=on.settings.local,
            loopback=bool(on.settings.webhook_loopback),
        )

    @cached_property
    def opener(self) -> "PaymentOpener":
        """Build what opens chains to payments."""
        from ctrip.services.payments.open_payment import PaymentOpener

        on = self._on
        return PaymentOpener(
            access=on.access,
            money=on.money,
            payouts=lambda: on.payouts,
            clock=on.clock,
            log=on.log("api"),
            verifying_key=on.settings.verifying_key,
        )

    @cached_property
    def reader(self) -> "PaymentReader":
        """Build what reads payments."""
        from ctrip.services.payments.read_payment import PaymentReader

        return PaymentReader(self._on.payments, self._on.money)

    @cached_property
    def chooser(self) -> "PaymentChooser":
        """Build what takes payers' choices."""
        from ctrip.services.payments.choose_payment import PaymentChooser

        stage, on = self._stage, self._on
        return PaymentChooser(
            networks=on.networks,
            payments=on.payments,
            reader=self.reader,
            access=on.access,
            opener=self.opener,
            limiter=stage.merchants.limiter,
            limits=on.limits,
            rates=stage.prices.book,
            jobs=stage.notifying("api"),
            clock=on.clock,
            recorder=stage.recorder("checkout"),
        )

    @cached_property
    def lapser(self) -> "UnchosenLapser":
        """Build what ends payments whose payer has chosen nothing in time."""
        from ctrip.services.payments.lapse_unchosen import UnchosenLapser

        stage, on = self._stage, self._on
        return UnchosenLapser(
            payments=on.payments,
            jobs=stage.notifying("tick"),
            clock=on.clock,
            recorder=stage.recorder("tick"),
            log=on.log("tick"),
        )

    @cached_property
    def closer(self) -> "PaymentCloser":
        """Build what cancels and accepts payments."""
        from ctrip.services.payments.close_payment import PaymentCloser

        stage, on = self._stage, self._on
        return PaymentCloser(
            reader=self.reader,
            payments=on.payments,
            access=on.access,
            jobs=stage.notifying("api"),
            clock=on.clock,
            recorder=stage.recorder("api"),
            once=stage.once(),
        )
