"""The trigger table: every route, schedule and queue consumer of the gateway, a line each."""

from chalice import Rate

import functions.init
import functions.middleware
from functions.admin import audit, merchants, sessions, users
from functions.admin import keys as admin_keys
from functions.admin import payments as admin_payments
from functions.admin import payouts as admin_payouts
from functions.admin import sweeps as admin_sweeps
from functions.api import (
    chains,
    deposits,
    events,
    health,
    invoices,
    keys,
    ledger,
    links,
    payments,
    refunds,
    settlements,
)
from functions.api import rates as rates_api
from functions.api import webhooks as webhooks_api
from functions.dashboard import routes as dashboard
from functions.http import answers
from functions.late import late
from functions.names import queue
from functions.pages import assets, brand, checkout, claim, docs
from functions.pages import invoice as invoice_page
from functions.pages import link as link_page
from functions.smoke import Gateway

app = Gateway(app_name="ctrip", configure_logs=False)
# Browsers name these first for a picture, and API Gateway looks at the first alone; image/png is among Chalice's own.
app.api.binary_types += ["image/avif", "image/webp"]
app.register_middleware(functions.middleware.watch, "all")
app.register_middleware(answers.shape, "http")

# HTTP, behind API Gateway
app.register_blueprint(health.routes)
app.register_blueprint(payments.routes)
app.register_blueprint(links.routes)
app.register_blueprint(invoices.routes)
app.register_blueprint(chains.routes)
app.register_blueprint(rates_api.routes)
app.register_blueprint(events.routes)
app.register_blueprint(keys.routes)
app.register_blueprint(webhooks_api.routes)
app.register_blueprint(ledger.routes)
app.register_blueprint(deposits.routes)
app.register_blueprint(settlements.routes)
app.register_blueprint(refunds.routes)
app.register_blueprint(checkout.routes)
app.register_blueprint(claim.routes)
app.register_blueprint(link_page.routes)
app.register_blueprint(invoice_page.routes)
app.register_blueprint(brand.routes)
app.register_blueprint(assets.routes)
app.register_blueprint(docs.routes)
app.register_blueprint(sessions.routes)
app.register_blueprint(merchants.routes)
app.register_blueprint(admin_keys.routes)
app.register_blueprint(admin_payments.routes)
app.register_blueprint(admin_payouts.routes)
app.register_blueprint(admin_sweeps.routes)
app.register_blueprint(users.routes)
app.register_blueprint(audit.routes)
app.register_blueprint(dashboard.routes)

# Schedules, from EventBridge
tick = app.schedule(Rate(1, unit=Rate.MINUTES), name="tick")(late("tick.handle"))
relay = app.schedule(Rate(1, unit=Rate.MINUTES), name="relay")(late("relay.handle"))
sweep_due = app.schedule(Rate(5, unit=Rate.MINUTES), name="sweep_due")(late("sweep.handle_due"))
reconcile = app.schedule(Rate(1, unit=Rate.MINUTES), name="reconcile")(late("reconcile.handle"))
provision = app.schedule(Rate(5, unit=Rate.MINUTES), name="provision")(late("provision.handle"))
settle = app.schedule(Rate(1, unit=Rate.MINUTES), name="settle")(late("settle.handle"))
rates = app.schedule(Rate(1, unit=Rate.MINUTES), name="rates")(late("rates.handle"))
seal = app.schedule(Rate(1, unit=Rate.HOURS), name="seal")(late("seal.handle"))

# Queues
sweep = app.on_sqs_message(queue=queue("sweep"), batch_size=1, name="sweep")(late("sweep.handle"))
webhooks = app.on_sqs_message(queue=queue("webhooks"), batch_size=10, name="webhooks")(late("webhooks.handle"))

# Called by the others: a scanner per chain, and the only holder of keys
scan = app.lambda_function(name="scan")(late("scan.handle"))
signer = app.lambda_function(name="signer")(late("signer.handle"))

functions.init.prepare()
