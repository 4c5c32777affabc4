"""The tables of alarms: the gateway's own, each of which is an ERROR line of its log, and those that AWS raises for it.

Every ERROR line has its name in `ALARMS`, and every name there is logged somewhere. A name outside the table is never
lost: it is logged under its name and raises `unnamed_alarm` beside (aws/log.py). The template's alarms and the pages of
infra/runbooks follow both tables.
"""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How soon a person must look."""

    PAGE = "page"  # at once: money is at risk, or payments are not seen
    TICKET = "ticket"  # within a working day: something waits, and loses nothing by it


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm's line in the runbook: what it means, and what to do first."""

    severity: Severity
    means: str
    first: str


_PAGE, _TICKET = Severity.PAGE, Severity.TICKET

DEEP_REORG = "deep_reorg"
UNNAMED = "unnamed_alarm"

ALARMS: dict[str, Alarm] = {
    # -- the chain and its nodes
    "no_successful_pass": Alarm(
        _PAGE,
        "Payments wait on a chain, and no pass of its scanner has succeeded for half a minute or longer.",
        "Read the reason in the line and in GET /health/ready; add or replace the chain's node endpoints.",
    ),
    "stale_head": Alarm(
        _PAGE,
        "The newest block of a chain is older than its alarm age: the nodes have stopped, or the chain has.",
        "Compare with the chain's explorer; where only our nodes stand, replace them.",
    ),
    "wrong_chain": Alarm(
        _PAGE,
        "A chain is not scanned: a node answers for another chain id, or the chain is configured wrongly.",
        "Correct the endpoint or the setting that the line names.",
    ),
    "providers_disagree": Alarm(
        _PAGE,
        "Two providers show different balances for a large amount, which is therefore not confirmed.",
        "Compare the address with the explorer; remove the endpoint that is wrong.",
    ),
    "wrong_decimals": Alarm(
        _PAGE,
        "A token's contract reports other decimals than the configuration; nothing is decided about this token.",
        "Correct the token's entry in chains.yaml by its issuer's documentation, and deploy.",
    ),
    "pass_broken": Alarm(
        _PAGE,
        "A scanner's pass ended with an error that is no node's: most likely a fault of ours.",
        "Search the log for the kind of error; while it repeats on a chain, roll back the last deployment.",
    ),
    "account_permission_changed": Alarm(
        _PAGE,
        "Another key than ours may sign for a deposit address: the permissions of its account on Tron were changed.",
        "Treat the address's key as leaked: find who changed them in an explorer, and sweep nothing of that merchant.",
    ),
    # -- rates
    "rate_source_out": Alarm(
        _TICKET,
        "A source of rates has had no usable answer for ten minutes: out, old, nonsense, or far from the others.",
        "Read the reason in the line; with fewer than two sources left, no price is turned into an amount.",
    ),
    "stablecoin_depegged": Alarm(
        _PAGE,
        "The market gives less, or more, for a stablecoin than its peg allows; no payment is priced in it meanwhile.",
        "Compare with the market; decide whether payments in it that are open already are still to be accepted.",
    ),
    # -- payments
    DEEP_REORG: Alarm(
        _PAGE,
        "A reorganisation took back money that was confirmed already; the credit is reversed and the chain is paused.",
        "Check the payment's transactions in an explorer and what was shipped for it, then resume the chain.",
    ),
    "books_differ": Alarm(
        _PAGE,
        "The chain shows another balance than the ledger explains: at the treasury, the gas station or an address.",
        "Run ctrip reconcile explain; where nobody of yours moved the money, treat the key as leaked.",
    ),
    "unexplained_outflow": Alarm(
        _PAGE,
        "Money left a deposit address and no transaction of ours moved it: a leaked key, or a token that can be taken.",
        "Find the transaction in an explorer; where it is signed by our key, stop sweeping and move the funds.",
    ),
    "extended_key_mismatch": Alarm(
        _PAGE,
        "A merchant's extended key or a payment's address is not what the signer vouches for: a changed record.",
        "Give out no address of this merchant; compare its record with its audit history.",
    ),
    "payment_broken": Alarm(
        _PAGE,
        "One payment, or one part of a pass, fails with an error that is no node's; the others go on.",
        "Search the log for the payment or part; it is tried again in each pass.",
    ),
    "payments_unreadable": Alarm(
        _PAGE,
        "Payments that the watch index lists cannot be read from their table, so they are not looked at.",
        "Read the payment that the line names from the table; restore it where it is missing.",
    ),
    "rules_without_end": Alarm(
        _PAGE,
        "The decisions about a payment did not come to an end within one pass: a fault of ours.",
        "Roll back the last deployment, and keep the payment's item for whoever mends it.",
    ),
    "address_not_fresh": Alarm(
        _TICKET,
        "A deposit address held money before its payment existed; that part is kept apart and credits nothing.",
        "Find the sender in an explorer; accept the payment by hand where the money was meant for it.",
    ),
    "baseline_unknown": Alarm(
        _TICKET,
        "A payment is held: no node can tell what its address held before the payment existed.",
        "Add a node with older state (an archive), or accept the payment by hand.",
    ),
    "deadline_unknown": Alarm(
        _TICKET,
        "A payment is held: no node can tell how much had arrived by its deadline.",
        "Add a node with older state (an archive), or accept the payment by hand.",
    ),
    "order_taken": Alarm(
        _TICKET,
        "An expired payment was paid in full after another payment had taken its order.",
        "Ask the merchant which of the two is to be refunded.",
    ),
    "unissued_address_funded": Alarm(
        _TICKET,
        "Money lies on an address that no stored payment owns: the tables may have been restored to an older state.",
        "Check whether payments are missing since the last backup; the money stays where it is.",
    ),
    # -- sweeping
    "slot_taken": Alarm(
        _PAGE,
        "Another transaction used the slot (nonce) of ours: the key is used elsewhere, or the tables were restored.",
        "Find what the sender sent then in an explorer; where nobody of ours sent it, the key has leaked.",
    ),
    "receipt_missing": Alarm(
        _PAGE,
        "Our transaction's nonce is used, or its time is over, and no node shows a receipt or proves that none comes.",
        "Look the transaction's hash up in an explorer; add a node that keeps older receipts.",
    ),
    "own_transaction_unclear": Alarm(
        _PAGE,
        "Money left by what must be our own transaction, and no receipt has been seen for a minute; the payment waits.",
        "Look the payment's sweep up in an explorer; where it is there, a node lags and is to be replaced.",
    ),
    "own_transaction_failed": Alarm(
        _PAGE,
        "A transaction of ours was mined and failed; gas was spent, and nothing was moved.",
        "Read its reason in an explorer; a token may block our addresses or the treasury.",
    ),
    "own_transaction_stuck": Alarm(
        _PAGE,
        "A record of our own transaction contradicts one that is stored already; its payment is left undecided.",
        "Compare the stored transactions of this sender with the explorer's.",
    ),
    "own_transaction_unreadable": Alarm(
        _PAGE,
        "The stored record of one of our transactions cannot be read; its payment is left undecided.",
        "Read the item from the money table; a newer release may have written it, or it was changed by hand.",
    ),
    "own_transaction_not_followed": Alarm(
        _PAGE,
        "Following one of our transactions fails with an error that is no node's; its payment is left undecided.",
        "Search the log for the transaction's key; it is tried again in each pass.",
    ),
    "treasury_refused": Alarm(
        _PAGE,
        "Nothing is swept on a chain: its treasury is an address of ours, or a contract that nobody allowed.",
        "Correct CTRIP_TREASURY, or set CTRIP_TREASURY_CONTRACT where the contract is meant.",
    ),
    "operator_low": Alarm(
        _TICKET,
        "The operator's address has too little coin for a batch; tokens are swept one address after the other.",
        "Send coin of this chain to the operator's address, which the line names.",
    ),
    "batch_failed": Alarm(
        _TICKET,
        "A batch of sweeps could not be made, most likely by a fault of ours; its payments are swept alone.",
        "Search the log for the kind of error; roll back the last deployment where it began there.",
    ),
    "sweep_waits_for_approval": Alarm(
        _TICKET,
        "A payment's money is above the amount that is swept without a person's approval, and nobody has approved it.",
        "Look at the payment; where it is as it should be, run ctrip sweeps approve with its id.",
    ),
    "gas_runs_low": Alarm(
        _TICKET,
        "The gas station or the operator has coin for fewer than twenty more transactions like the last one.",
        "Send coin of this chain to the address that the line names.",
    ),
    "stray_coin_used": Alarm(
        _TICKET,
        "A transaction at a token's deposit address used coin that had come there and is the merchant's.",
        "Nothing at once: the ledger owes the merchant all of it. Look why a sweep was cancelled at a higher price.",
    ),
    "gas_station_low": Alarm(
        _PAGE,
        "The gas station cannot pay for the next gift of gas, so tokens on this chain are not swept.",
        "Send coin to the gas station's address on this chain.",
    ),
    # -- settlements and refunds
    "payout_not_covered": Alarm(
        _PAGE,
        "A settlement or refund was asked for, and the merchant's balance does not cover it any more; it failed.",
        "Read the merchant's ledger: a deposit was undone, or somebody wrote a request past the balance check.",
    ),
    "payout_without_treasury": Alarm(
        _TICKET,
        "A settlement or refund is approved on a chain without a treasury, and waits.",
        "Set the chain's treasury, or have the payout rejected.",
    ),
    "treasury_low": Alarm(
        _TICKET,
        "The treasury holds too little for the next settlement or refund, which waits.",
        "Send the missing asset, or coin for the gas, to the treasury.",
    ),
    "payout_too_dear": Alarm(
        _TICKET,
        "A settlement or refund has waited for six hours, as its transaction would cost more than it moves.",
        "Wait for cheaper gas, or reject it: its amount is free again then.",
    ),
    "payout_reverts": Alarm(
        _TICKET,
        "The chain refuses a settlement or refund whatever is paid for it; it failed, and its amount is free again.",
        "Ask why the recipient cannot receive: a blacklisted address, a contract, a paused token.",
    ),
    "payout_not_signed": Alarm(
        _PAGE,
        "The signer refuses a settlement or refund: something differs from what was approved, or a cap is reached.",
        "Read what differs in the line before anything else is approved.",
    ),
    "payout_transaction_failed": Alarm(
        _TICKET,
        "The transaction of a settlement or refund moved nothing: it failed, and its amount is free again.",
        "Look the transaction up and see why it reverted.",
    ),
    "payout_arrived_short": Alarm(
        _TICKET,
        "Less arrived for a settlement or refund than was sent: the token keeps a share.",
        "Tell the merchant, and remove the token from chains.yaml: it is none that can be accounted for.",
    ),
    "payout_failed": Alarm(
        _TICKET,
        "A settlement or refund could not be taken a step further, by a fault of ours; the others went on.",
        "Read the kind of the error; it is tried again each minute.",
    ),
    "settlement_address_refused": Alarm(
        _PAGE,
        "The signer does not take over a merchant's settlement address: what it took over before is not its own.",
        "Compare the merchant's address with what it says: somebody may have changed the table.",
    ),
    "sweep_failed": Alarm(
        _TICKET,
        "A payment's sweep fails for a reason that is not its contract's; it is tried again, each time later.",
        "Search the log for the payment; the signer's log says why it refused, where it did.",
    ),
    "sweep_reverts": Alarm(
        _TICKET,
        "A payment's sweep would revert: the token refuses the transfer. It is tried again, each time later.",
        "Check in an explorer whether the token is paused, or blocks our addresses or the treasury.",
    ),
    "hurrying_failed": Alarm(
        _TICKET,
        "A slow transaction could not be replaced by a dearer one, for a reason that is no node's.",
        "Search the log for the transaction's key; it is tried again with the next sweep job.",
    ),
    "too_many_attempts": Alarm(
        _TICKET,
        "A transaction has been replaced as often as is allowed, and is still not mined.",
        "Compare its fee with the chain's; raise the fee cap, or wait for fees to fall.",
    ),
    "cannot_replace": Alarm(
        _TICKET,
        "The sender has too little coin to pay for a replacement of its slow transaction.",
        "Send coin to the sender's address, or wait for fees to fall.",
    ),
    "fee_cap_reached": Alarm(
        _TICKET,
        "A transaction costs more than the chain's fee cap allows, and waits.",
        "Wait for fees to fall, or raise the chain's fee cap.",
    ),
    "gas_funding_cap_reached": Alarm(
        _TICKET,
        "A token's sweep needs more gas than may be given to one address, and waits.",
        "Wait for fees to fall, or raise the chain's gas funding cap.",
    ),
    "fee_above_nodes_cap": Alarm(
        _TICKET,
        "A node refuses a transaction because its possible fee is above the node's own cap.",
        "Lower the chain's fee cap, or raise the node's.",
    ),
    "setbacks_unreadable": Alarm(
        _TICKET,
        "The record of failed sweeps cannot be read, so that they are tried again too soon.",
        "Read the chain's items from the money table.",
    ),
    # -- merchants, webhooks, the API
    "provisioning_failed": Alarm(
        _PAGE,
        "A new merchant could not be given its account, and cannot take payments; it is tried each five minutes.",
        "Read the signer's log: the mnemonic may be missing, or the role may lack a right.",
    ),
    "event_missing": Alarm(
        _PAGE,
        "A webhook job names an event that is not stored, so nobody is told of it.",
        "Check whether the tables were restored; the merchant reads what it missed from GET /api/v1/events.",
    ),
    "endpoint_disabled": Alarm(
        _TICKET,
        "A merchant's webhook endpoint is disabled: it answered 410, or no delivery to it succeeded for three days.",
        "Ask the merchant to mend it and to enable it again; what it missed is in the feed of events.",
    ),
    "webhook_job_failed": Alarm(
        _TICKET,
        "A webhook job failed by a fault of ours; SQS offers it five times, then it is in the dead-letter queue.",
        "Search the log for the kind of error; once it is mended, `ctrip webhooks redrive` moves the messages back.",
    ),
    "request_failed": Alarm(
        _PAGE,
        "The API answered a request with 500: a fault of ours.",
        "Search the log for the request id and the place that the line names; roll back while it repeats.",
    ),
    UNNAMED: Alarm(
        _PAGE,
        "A line was logged as an ERROR under a name that this table lacks; the line itself stands beside.",
        "Read that line by the name that is given, and add the name to the table.",
    ),
}


# What the gateway cannot log itself: AWS counts it. The metrics are named in infra/package/alarms.py.
OUTSIDE: dict[str, Alarm] = {
    "function_errors": Alarm(
        _PAGE,
        "A function ended with an error, or ran out of time or memory, so that it may not have logged why.",
        "Read the last lines of the function's log group; compare its memory and its duration with their limits.",
    ),
    "functions_throttled": Alarm(
        _PAGE,
        "Lambda refused to run a function: the account's concurrent executions are used up.",
        "Have the quota of concurrent executions raised; until then lower the webhooks' concurrency.",
    ),
    "api_errors": Alarm(
        _PAGE,
        "API Gateway answered requests with 5xx: the function failed, was throttled or took too long.",
        "Ask GET /health/ready, then read the alarms function_errors and functions_throttled beside it.",
    ),
    "dead_letters": Alarm(
        _TICKET,
        "Messages lie in a dead-letter queue: each failed five times, and is kept for 14 days.",
        "Search the log for webhook_job_failed or sweep_failed; once mended, `ctrip webhooks redrive` moves them back.",
    ),
    "scan_failures": Alarm(
        _TICKET,
        "A scanner died, or could not be started, and left its event in the queue of scan failures.",
        "Read one message of the queue: it holds the error; scanning goes on with the next minute's scanner.",
    ),
}

EVERY = ALARMS | OUTSIDE


def runbook() -> str:
    """Write the tables as rows of Markdown, a line for each alarm."""
    rows = [f"| `{name}` | {each.severity} | {each.means} | {each.first} |" for name, each in EVERY.items()]
    return "\n".join(["| alarm | severity | what it means | what to do first |", "|---|---|---|---|", *rows])
