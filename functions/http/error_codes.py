"""Every error code that HTTP answers with: its status and its meaning. The description of the API is made from it."""

from typing import NamedTuple


class Code(NamedTuple):
    """One code; `meaning` is a sentence for the developer who meets it."""

    status: int
    meaning: str


CODES: dict[str, Code] = {
    "bad_request": Code(400, "The request is malformed."),
    "invalid_json": Code(400, "The body is not a JSON object, or too deep."),
    "invalid_field": Code(400, "A field or a parameter is wrong; `errors` names each."),
    "unsupported_chain": Code(400, "The chain is not enabled here."),
    "token_not_found": Code(400, "The token is not enabled on this chain."),
    "currency_unavailable": Code(
        400, "No two sources agree on a rate of the currency, or of the asset; name the price otherwise, or an amount."
    ),
    "asset_without_rate": Code(400, "No two sources know what the asset is worth; name an amount of it."),
    "unauthorized": Code(401, "No valid credential came with the request."),
    "forbidden": Code(403, "The credential does not carry the scope or the permission."),
    "address_not_allowed": Code(403, "The key may not be used from this address."),
    "not_found": Code(404, "There is nothing at this address."),
    "payment_not_found": Code(404, "There is no such payment, or it is another merchant's."),
    "key_not_found": Code(404, "There is no such key, or it is another merchant's."),
    "endpoint_not_found": Code(404, "There is no such webhook endpoint, or it is another merchant's."),
    "delivery_not_found": Code(404, "There is no such delivery of this endpoint."),
    "merchant_not_found": Code(404, "There is no such merchant."),
    "user_not_found": Code(404, "There is no such user."),
    "deposit_not_found": Code(404, "There is no such unmatched deposit, or it is another merchant's."),
    "payout_not_found": Code(404, "There is no such settlement or refund, or it is another merchant's."),
    "settlement_address_not_found": Code(404, "No settlement address is set for the chain."),
    "treasury_not_found": Code(404, "The merchant has no treasury of its own on the chain."),
    "own_request": Code(403, "Whoever asked for a settlement or refund cannot approve it."),
    "method_not_allowed": Code(405, "The address does not take this method."),
    "conflict": Code(409, "The state of things forbids it."),
    "idempotency_in_progress": Code(409, "A request with the same idempotency key is being answered; repeat it."),
    "order_id_in_use": Code(409, "The order has a live payment already; `payment_id` names it."),
    "merchant_provisioning": Code(409, "The merchant has no account yet; try again shortly."),
    "merchant_without_key": Code(409, "The merchant brought no extended key for this kind of chain."),
    "treasury_missing": Code(
        409, "The merchant has no treasury of its own on the chain, to which payments are swept; the operator sets it."
    ),
    "custody_not_xpub": Code(409, "Only a merchant of custody `xpub` brings extended keys of its own."),
    "merchant_has_key": Code(409, "The merchant has another extended key for this kind of chain; it stays for good."),
    "custody_not_direct": Code(409, "Only a merchant of custody `direct` has a treasury of its own here."),
    "merchant_key_unverified": Code(
        409, "The merchant's extended key is not the one that the signer vouches for; an operator must look."
    ),
    "payment_not_cancellable": Code(409, "More than dust has arrived, or the payment is over."),
    "operator_required": Code(
        403,
        "The operator's to do: accept a payment whose money left unexplained, or set where deposits of custody "
        "`direct` go.",
    ),
    "payment_not_acceptable": Code(409, "Only an expired or held payment with funds can be accepted."),
    "payment_changed": Code(409, "The payment kept changing; read it and try again."),
    "merchant_changed": Code(409, "The merchant kept changing; read it and try again."),
    "key_changed": Code(409, "The key kept changing; read it and try again."),
    "user_changed": Code(409, "The user kept changing; read it and try again."),
    "key_not_usable": Code(409, "The key is revoked or expired."),
    "too_many_keys": Code(409, "The merchant has as many keys as it may have."),
    "endpoint_changed": Code(409, "The webhook endpoint kept changing; read it and try again."),
    "endpoint_disabled": Code(409, "The webhook endpoint is disabled; enable it first."),
    "too_many_endpoints": Code(409, "The merchant has as many webhook endpoints as it may have."),
    "email_in_use": Code(409, "Another user has this e-mail address."),
    "own_account": Code(409, "Nobody does this to their own account."),
    "totp_on": Code(409, "A second factor is set up already."),
    "totp_not_begun": Code(409, "There is no second factor to confirm."),
    "insufficient_balance": Code(409, "The balance is too small; `available` says what can be paid out."),
    "balance_changed": Code(409, "The balance kept changing; try again."),
    "nothing_to_settle": Code(409, "What this merchant receives goes to its own wallet by itself."),
    "settlement_address_missing": Code(409, "No settlement address is set for the chain; set one first."),
    "too_many_payouts": Code(409, "Many requests for this asset wait to be booked; try again after Retry-After."),
    "chain_not_found": Code(404, "It is none of this stage's chains."),
    "claim_not_found": Code(404, "No refund has this page."),
    "payout_not_changeable": Code(409, "The settlement or refund has come too far for this, or is over."),
    "sweep_not_waiting": Code(409, "Nothing of this payment waits for a sweep."),
    "payout_changed": Code(409, "It kept changing; read it and try again."),
    "already_approved": Code(409, "The same person has approved it already."),
    "invalid_form": Code(400, "The body is no form of a page."),
    "unknown_language": Code(400, "`lang` names no language; one without a translation gives way to the browser's."),
    "link_not_found": Code(404, "There is no such payment link, or it is another merchant's."),
    "link_disabled": Code(409, "The payment link is disabled, or its merchant is."),
    "link_expired": Code(409, "The payment link takes no payments any more: its time is over."),
    "link_used_up": Code(409, "As many payments were made by the link as may be."),
    "link_changed": Code(409, "The payment link kept changing; read it and try again."),
    "invoice_not_found": Code(404, "There is no such invoice, or it is another merchant's."),
    "invoice_void": Code(409, "The invoice is void."),
    "invoice_paid": Code(409, "Nothing is left to pay of the invoice."),
    "invoice_not_voidable": Code(409, "Money has come for the invoice; what came can be refunded."),
    "invoice_number_in_use": Code(409, "Another invoice of the merchant has this number, a void one perhaps."),
    "invoice_changed": Code(409, "The invoice kept changing; read it and try again."),
    "amount_out_of_bounds": Code(400, "The amount is less or more than the payment link takes."),
    "too_many_openings": Code(429, "The payment link or invoice is opened too often; try again after Retry-After."),
    "payment_not_choosable": Code(409, "What the payment is paid with is fixed."),
    "payment_expired": Code(409, "The time to pay is over."),
    "choice_closed": Code(409, "Money has come, or the payment is over: nothing else can be chosen."),
    "too_many_choices": Code(429, "The payer chooses too often; try again after Retry-After."),
    "payload_too_large": Code(413, "The body is over 32 KiB, or over 96 where it may hold a logo."),
    "unsupported_media_type": Code(415, "The body is not application/json."),
    "idempotency_key_reused": Code(422, "The idempotency key came before with another body."),
    "rate_limited": Code(429, "The merchant makes too many changing calls a second."),
    "too_many_open_payments": Code(429, "The merchant has too many open payments on the chain."),
    "too_many_attempts": Code(429, "Too many attempts to sign in."),
    "too_many_requests": Code(429, "Too many requests reach this stage."),
    "internal_error": Code(500, "Something went wrong on our side."),
    "busy": Code(503, "The service is short of breath; try again after Retry-After."),
    "chain_unavailable": Code(
        503, "The chain is paused, or could not be looked at for ten minutes; `detail` says which."
    ),
    "rate_unavailable": Code(
        503, "No present rate is known, or a stablecoin is off its peg; try again after Retry-After."
    ),
    "timeout": Code(504, "The service took too long; try again."),
}

FIELD_CODES: dict[str, str] = {
    "missing": "is required",
    "unknown_field": "is not a field of this request",
    "unknown_parameter": "is not a parameter of this route",
    "repeated_parameter": "may be given once",
    "duplicate_key": "appears twice",
    "invalid_value": "has the wrong type, length, range or spelling",
    "not_of_this_schedule": "belongs to another kind of schedule",
    "invalid_amount": "is no amount from 1 to 2^256-1 base units",
    "currency_unknown": "is no currency of ISO 4217 in use",
    "currency_retired": "is a currency that is no longer in use",
    "invalid_price": "is no positive decimal number as text",
    "too_many_decimals": "has more decimals than the currency",
    "invalid_url": "is no address that may be used here",
    "invalid_cursor": "is not a cursor that this list gave out",
    "invalid_email": "is no e-mail address",
    "invalid_network": "is no address or network",
    "invalid_xpub": "is no extended public key of an account",
    "xpub_in_use": "belongs to another merchant already",
    "mutually_exclusive": "excludes another field that was given",
    "payment_not_found": "is no payment of yours",
    "asset_not_found": "is not enabled on the chain",
    "token_not_found": "is not enabled on the chain",
    "unsupported_chain": "is not enabled here",
    "invalid_colour": "is no colour of six hexadecimal digits",
    "invalid_contact": "is no e-mail address and no https address",
    "invalid_origin": "is no origin of a web site",
    "invalid_logo": "is no PNG or WebP picture of at most 64 KiB and 2048 pixels a side",
    "unknown_event_type": "names what is no type of event",
    "order_id_in_use": "has a live payment already",
    "in_the_past": "must be in the future",
    "invalid_address": "is no address of the chain, or its checksum is wrong",
    "contract_address": "is a token's contract, where money would be lost",
    "own_address": "is an address of the gateway itself",
    "below_minimum": "is less than is paid out at a time",
    "above_limit": "is more than is paid out at a time",
    "insufficient_balance": "is more than can be paid out",
    "weak_password": "is too short or too long",
    "asset_not_offered": "is not offered for this payment",
    "invalid_assets": "names something twice",
    "amount_out_of_bounds": "is less or more than the payment link takes",
    "invalid_total": "comes to nothing, or to more than can be asked for",
    "invoice_number_in_use": "is in use by another invoice",
    "amount_fixed": "is fixed by the payment link",
    "needs_currency": "bounds an amount of a currency, which was not given",
    "invalid_bounds": "is less than the minimum",
    "needs_chain": "needs a chain: base units differ from asset to asset",
    "wrong_code": "is not the current code",
}

# What any operation may answer, whoever calls it.
ALWAYS = ("method_not_allowed", "too_many_requests", "internal_error", "busy", "timeout")
AUTHENTICATED = ("unauthorized", "forbidden", "invalid_field")
OF_KEYS = ("address_not_allowed",)
OF_BODIES = ("bad_request", "invalid_json", "invalid_field", "payload_too_large", "unsupported_media_type")
OF_IDEMPOTENCY = ("idempotency_key_reused", "idempotency_in_progress")
OF_CHANGES = ("rate_limited",)
