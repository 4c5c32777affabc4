"""The trigger table: every route, schedule and queue consumer of the gateway, a line each."""

from chalice import Chalice, Rate

from functions import relay, scan, signer, sweep, tick, webhooks
from functions.api import assets, chains, checkout, health, http, payments
from functions.names import queue

app = Chalice(app_name="ctrip", configure_logs=False)
app.register_middleware(http.shape, "http")

# HTTP, behind API Gateway
app.register_blueprint(health.routes)
app.register_blueprint(payments.routes)
app.register_blueprint(chains.routes)
app.register_blueprint(checkout.routes)
app.register_blueprint(assets.routes)

# Schedules, from EventBridge
app.schedule(Rate(1, unit=Rate.MINUTES), name="tick")(tick.handle)
app.schedule(Rate(1, unit=Rate.MINUTES), name="relay")(relay.handle)
app.schedule(Rate(5, unit=Rate.MINUTES), name="sweep_due")(sweep.handle_due)

# Queues
app.on_sqs_message(queue=queue("sweep"), batch_size=1, name="sweep")(sweep.handle)
app.on_sqs_message(queue=queue("webhooks"), batch_size=10, name="webhooks")(webhooks.handle)

# Called by the others: a scanner per chain, and the only holder of keys
app.lambda_function(name="scan")(scan.handle)
app.lambda_function(name="signer")(signer.handle)
