"""What the packaged templates say: who may do what, what survives the stacks, how functions are triggered."""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ctrip import config
from infra.commands.package import ROOT
from infra.stack.template import references
from tests.package.conftest import STAGE, Packaged

TABLE, SECRET, KEY = "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::KMS::Key"
CONFIGURED = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"][STAGE]["environment_variables"]
CONTRACT = {
    "MISSING_AUTHENTICATION_TOKEN": (404, "not_found"),
    "REQUEST_TOO_LARGE": (413, "payload_too_large"),
    "THROTTLED": (429, "too_many_requests"),
    "INTEGRATION_TIMEOUT": (504, "timeout"),
    "INTEGRATION_FAILURE": (503, "busy"),
}


def statements(packaged: Packaged) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each statement of each role with the role's logical id; lists everywhere."""
    for name, role in packaged.of("AWS::IAM::Role").items():
        for policy in role["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, {key: value if isinstance(value, list) else [value] for key, value in statement.items()}


def resources(statement: dict[str, Any]) -> list[str]:
    """Spell a statement's resources as text: ARNs of ours in short, and what is imported by the export's name."""
    return [spelt(each) for each in statement["Resource"]]


def spelt(value: Any) -> str:
    """Spell a resource as text."""
    if isinstance(value, str):
        return value
    text = value["Fn::ImportValue"]["Fn::Sub"] if "Fn::ImportValue" in value else value["Fn::Sub"]
    return re.sub(r"arn:\$\{AWS::Partition\}:(\w+):\$\{AWS::Region\}:\$\{AWS::AccountId\}:", r"\1:", text)


def test_one_role_alone_can_read_the_mnemonic(packaged: Packaged) -> None:
    """Reading the mnemonic and decrypting with its key are granted once each, to the signer's role (threat 1).

    That role alone sees the secret's tags too, which hold no secret.
    """
    readers, decrypters = [], []
    for role, statement in statements(packaged):
        for action in statement["Action"]:
            for resource in resources(statement):
                if re.fullmatch(r"(secretsmanager:.*|\*)", action) and not resource.endswith("-rpc-secret"):
                    readers.append((role, action, resource))
                if re.fullmatch(r"(kms:.*|\*)", action) and not resource.endswith("-secrets-key"):
                    if action in ("kms:GetPublicKey", "kms:Sign"):  # which tell nothing of what is encrypted
                        assert role == "SignerRole"
                        continue
                    decrypters.append((role, action, resource))
    seen = [("SignerRole", f"secretsmanager:{action}") for action in ("DescribeSecret", "GetSecretValue")]
    assert readers == [(*each, "ctrip-${Stage}-mnemonic-secret") for each in seen]
    assert decrypters == [("SignerRole", "kms:Decrypt", "ctrip-${Stage}-mnemonic-key")]


def test_only_sweeping_payouts_and_provisioning_call_the_signer(packaged: Packaged) -> None:
    """The signer has no trigger, and the API cannot call it: three roles may, none of which hears from outside."""
    callers = [
        (role, resource)
        for role, statement in statements(packaged)
        if any(action.startswith("lambda:") for action in statement["Action"])
        for resource in resources(statement)
        if "Signer" in resource
    ]
    assert sorted(callers) == [(f"{name}Role", "${Signer.Arn}") for name in ("Provision", "Settle", "Sweep")]
    assert "Events" not in packaged.functions["Signer"]


def test_each_function_has_a_role_of_its_own(packaged: Packaged) -> None:
    """No two functions share a role, and no role is left over but API Gateway's own, of the account."""
    roles = Counter(function["Role"]["Fn::GetAtt"][0] for function in packaged.functions.values())
    assert set(roles.values()) == {1}
    assert set(roles) == set(packaged.of("AWS::IAM::Role")) - {"ApiGatewayLogs"}


def test_no_policy_is_broad(packaged: Packaged) -> None:
    """Every action is named, every resource too, by this stage's own names, but for traces and logs (threat 20)."""
    exports = {output["Export"]["Name"]["Fn::Sub"] for output in packaged.data["Outputs"].values()}
    ours = exports | {f"${{{name}.Arn}}" for name in packaged.functions}
    ours |= {f"sqs:{body['Properties']['QueueName']['Fn::Sub']}" for body in packaged.of("AWS::SQS::Queue").values()}
    tables = [f"dynamodb:table/{b['Properties']['TableName']['Fn::Sub']}" for b in packaged.of(TABLE).values()]
    for role, statement in statements(packaged):
        assert not [action for action in statement["Action"] if "*" in action], role
        assert not {"NotAction", "NotResource"} & set(statement), role
        for resource in resources(statement):
            if resource == "*":
                assert set(statement["Action"]) <= {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}, role
            elif resource == "kms:key/*":
                # Keys that are made beside the stacks, and have the stage's tag.
                assert role == "SignerRole"
                assert statement["Condition"] == [
                    {"StringEquals": {"aws:ResourceTag/ctrip-signing-key": {"Ref": "Stage"}}}
                ]
            elif resource.startswith("logs:"):
                assert re.fullmatch(r"logs:log-group:/aws/lambda/ctrip-\$\{Stage\}-[a-z_]+:\*", resource), (
                    role,
                    resource,
                )
            else:
                assert resource in ours or re.sub(r"/index/\w+$", "", resource) in tables, (role, resource)


def test_a_role_writes_its_own_functions_log(packaged: Packaged) -> None:
    """The log group in each policy is that of the function whose role it is."""
    logs = {
        role: resource.rsplit("/", 1)[1].removesuffix(":*")
        for role, statement in statements(packaged)
        if "logs:PutLogEvents" in statement["Action"]
        for resource in resources(statement)
    }
    for function in packaged.functions.values():
        assert logs[function["Role"]["Fn::GetAtt"][0]] == function["FunctionName"]["Fn::Sub"]


# Who writes what in the table of merchants, keys, users, limits, gates and seals.
ACCESS_WRITERS = {
    "ApiHandlerRole": {
        *("MER#*", "MERS", "WAIT", "XPUB#*", "KEY#*", "KEYS#*", "USE#*", "NONCE#*", "AUD#*", "I#*"),
        *("ADM#*", "ADMS", "MAIL#*", "SES#*", "JWT", "G#*", "IX#*", "TB#*", "OPEN#*", "TRY#*"),
    },
    "SignerRole": {"MER#*", "ACC#*", "XPUB#*", "SIG#*", "AUD#*", "SAV#*", "SPENT#*", "SPENTBY#*"},
    "SettleRole": {"G#*"},
    "ReconcileRole": {"AUD#reconciliation:*"},
    "ProvisionRole": {"MER#*", "AUD#*", "IX#*", "WAIT"},
    "RatesRole": {"RATES"},
    "SealRole": {"SEALS", "SEAL#*"},
    "ScanRole": {"G#*", "OPEN#*", "AB#*"},
    "TickRole": {"G#*"},
    "SweepDueRole": {"G#*"},
}


def test_each_role_writes_its_own_items_of_access(packaged: Packaged) -> None:
    """Every write is held to leading keys; only the signer gives accounts and notes what it vouched for.

    Only `seal` writes the audit's seals.
    """
    written: dict[str, set[str]] = {}
    for role, statement in statements(packaged):
        writes = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"} & set(statement["Action"])
        if writes and "dynamodb:table/ctrip-${Stage}-access" in resources(statement):
            switch, without, condition = statement["Condition"][0]["Fn::If"]
            assert (switch, without) == ("WritesTableWide", {"Ref": "AWS::NoValue"}), role
            assert condition["Null"] == {"dynamodb:LeadingKeys": "false"}, role
            written.setdefault(role, set()).update(condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
    assert written == ACCESS_WRITERS


def test_one_parameter_alone_takes_leading_keys_from_writes(packaged: Packaged) -> None:
    """By default they hold; the fallback is for writes, and leaves reads and tables as they are."""
    assert packaged.template["Parameters"]["TableWideWrites"]["Default"] == "no"
    assert packaged.template["Conditions"]["WritesTableWide"] == {"Fn::Equals": [{"Ref": "TableWideWrites"}, "yes"]}
    for role, statement in statements(packaged):
        if "Condition" in statement:
            writes = any(
                re.fullmatch(r"dynamodb:(Put|Update|Delete|ConditionCheck)Item", each) for each in statement["Action"]
            )
            assert ("Fn::If" in statement["Condition"][0]) == writes, role


def test_no_role_scans_a_table(packaged: Packaged) -> None:
    """No policy allows reading a whole table."""
    assert not [role for role, statement in statements(packaged) if "dynamodb:Scan" in statement["Action"]]


def test_funds_survive_the_stack(packaged: Packaged) -> None:
    """Whatever the data stack makes stays, but for a first deployment that failed: it can be repeated (threat 22)."""
    for name, body in packaged.data["Resources"].items():
        assert (body["DeletionPolicy"], body["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain"), name
    kinds = Counter(body["Type"] for body in packaged.data["Resources"].values())
    assert (kinds[TABLE], kinds[SECRET], kinds[KEY]) == (4, 2, 2)
    assert not {TABLE, SECRET, KEY, "AWS::SQS::Queue"} & {
        body["Type"] for body in packaged.template["Resources"].values()
    }


def test_tables_are_encrypted_and_can_be_restored(packaged: Packaged) -> None:
    """They are billed by the request too, and the keys of what else is secret are rotated."""
    for name, body in packaged.of(TABLE).items():
        properties = body["Properties"]
        assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], name
        assert properties["SSESpecification"]["SSEEnabled"], name
        assert properties["BillingMode"] == "PAY_PER_REQUEST", name
    assert all(body["Properties"]["EnableKeyRotation"] for body in packaged.of(KEY).values())


def test_tables_are_protected_by_a_second_step(packaged: Packaged) -> None:
    """At first they are not: a deployment that failed could not delete them, and would stand in its own way."""
    assert packaged.data["Parameters"]["DeletionProtection"]["Default"] == "false"
    assert packaged.data["Conditions"]["Protected"] == {"Fn::Equals": [{"Ref": "DeletionProtection"}, "true"]}
    for name, body in packaged.of(TABLE).items():
        assert body["Properties"]["DeletionProtectionEnabled"] == {"Fn::If": ["Protected", True, False]}, name


def test_the_application_refers_to_no_resource_of_another_stack(packaged: Packaged) -> None:
    """What it takes from the data stack are names of the stage, and what that one exports."""
    known = {*packaged.template["Parameters"], *packaged.template["Resources"], "RestAPI.Stage"}
    assert not set(references(packaged.template["Resources"])) - known - {"RestAPIId"}


def test_queues_wait_for_their_functions_and_keep_what_failed(packaged: Packaged) -> None:
    """Visibility is six times the function's timeout; after five receives a message is kept for 14 days."""
    queues = packaged.of("AWS::SQS::Queue")
    for function, queue in (("Sweep", "SweepQueue"), ("Webhooks", "WebhooksQueue")):
        properties = queues[queue]["Properties"]
        assert properties["VisibilityTimeout"] == 6 * packaged.functions[function]["Timeout"]
        assert properties["RedrivePolicy"]["maxReceiveCount"] == 5
        dead = properties["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"]
        name = dead[0] if isinstance(dead, list) else dead.split(".")[0]
        assert queues[name]["Properties"]["MessageRetentionPeriod"] == 14 * 86_400


def test_consumers_report_single_failures(packaged: Packaged) -> None:
    """One bad message fails alone, workers are limited by the event source, and money goes one message at a time."""
    assert packaged.template["Parameters"]["WebhookConcurrency"]["MinValue"] == 2
    workers = (("Sweep", "SweepQueue", 1, 2), ("Webhooks", "WebhooksQueue", 10, {"Ref": "WebhookConcurrency"}))
    for function, queue, batch, limit in workers:
        (source,) = packaged.functions[function]["Events"].values()
        properties = source["Properties"]
        assert (
            spelt(properties["Queue"])
            == f"sqs:{packaged.of('AWS::SQS::Queue')[queue]['Properties']['QueueName']['Fn::Sub']}"
        )
        assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert properties["ScalingConfig"]["MaximumConcurrency"] == limit
        assert properties["BatchSize"] == batch


def test_no_concurrency_is_reserved(packaged: Packaged) -> None:
    """A new account has ten concurrent executions, and any reservation would roll the stack back."""
    assert not [name for name, body in packaged.functions.items() if "ReservedConcurrentExecutions" in body]


def test_schedules_are_at_most_once_a_minute(packaged: Packaged) -> None:
    """EventBridge refuses anything faster, which Chalice does not."""
    schedules = {
        name: event["Properties"]["Schedule"]
        for name, body in packaged.functions.items()
        for event in body.get("Events", {}).values()
        if event["Type"] == "Schedule"
    }
    assert schedules == {
        "Tick": "rate(1 minute)",
        "Relay": "rate(1 minute)",
        "Reconcile": "rate(1 minute)",
        "Settle": "rate(1 minute)",
        "Rates": "rate(1 minute)",
        "SweepDue": "rate(5 minutes)",
        "Provision": "rate(5 minutes)",
        "Seal": "rate(1 hour)",
    }


def test_api_gateways_own_errors_have_our_shape(packaged: Packaged) -> None:
    """Every answer that API Gateway gives by itself is JSON in the contract's shape, with a request id."""
    (api,) = packaged.of("AWS::Serverless::Api").values()
    responses = api["Properties"]["GatewayResponses"]
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= set(responses)
    for kind, response in responses.items():
        body = json.loads(response["ResponseTemplates"]["application/json"])
        assert list(body) == ["detail", "code", "errors", "request_id"], kind
        assert body["errors"] == []
        headers = response["ResponseParameters"]["Headers"]
        assert headers["X-Request-Id"] == body["request_id"].removeprefix("$") == "context.requestId"
        if response.get("StatusCode") in (429, 503):
            assert "Retry-After" in headers, kind
    for kind, (status, code) in CONTRACT.items():
        body = json.loads(responses[kind]["ResponseTemplates"]["application/json"])
        assert (int(responses[kind]["StatusCode"]), body["code"]) == (status, code)


def test_no_condition_is_named_as_a_parameter(packaged: Packaged) -> None:
    """Whoever compares two templates may take the one for the other: LocalStack then asks the condition for itself."""
    for template in (packaged.template, packaged.data):
        assert not set(template["Conditions"]) & set(template["Parameters"])


def test_a_package_belongs_to_its_stage(packaged: Packaged) -> None:
    """The templates take no other stage's name, and the functions are told the same one."""
    for template in (packaged.template, packaged.data):
        parameter = template["Parameters"]["Stage"]
        assert (parameter["Default"], parameter["AllowedValues"]) == (STAGE, [STAGE])
    for name, body in packaged.functions.items():
        assert body["Environment"]["Variables"]["CTRIP_STAGE"] == STAGE, name
        assert body["FunctionName"]["Fn::Sub"].startswith("ctrip-${Stage}-"), name
        assert body["Runtime"] == f"python3.{sys.version_info.minor}"


# Settings that no parameter sets, and why.
NO_PARAMETER = {
    "CTRIP_STAGE": "packaging fixes it",
    "CTRIP_RPC": "provider keys stand in the stage's RPC secret, which is not in a template",
    "CTRIP_WEBHOOK_LOOPBACK": "the stage local alone may have it",
    "CTRIP_RECORDED_EXCHANGE": "the stage local alone may have it",
}


def test_each_setting_is_a_parameter(packaged: Packaged) -> None:
    """By the variable's own name, for every function; empty means the default, and nothing is set over it."""
    everywhere = packaged.template["Globals"]["Function"]["Environment"]["Variables"]
    for name in config.names():
        given = [{**everywhere, **body["Environment"]["Variables"]}.get(name) for body in packaged.functions.values()]
        if name in NO_PARAMETER:
            assert {str(each) for each in given} <= {STAGE, "None"}, name
            continue
        parameter = name.removeprefix("CTRIP_").title().replace("_", "")
        assert [each for each in given if each] == [{"Ref": parameter}] * sum(map(bool, given)), name
        assert all(given) or name == "CTRIP_VERIFYING_KEY", name
        assert packaged.template["Parameters"][parameter]["Default"] == CONFIGURED.get(name, ""), name


def test_what_the_stage_configures_is_the_parameters_default(packaged: Packaged) -> None:
    """What .chalice/config.json sets for a stage can be set otherwise where it is deployed."""
    assert packaged.template["Parameters"]["Chains"]["Default"] == CONFIGURED["CTRIP_CHAINS"] != ""


def test_the_verifying_key_is_the_stacks(packaged: Packaged) -> None:
    """Who verifies extended keys has it from a parameter, and none from a table; everything else of theirs stays."""
    assert packaged.template["Parameters"]["VerifyingKey"]["Default"] == ""
    for name in ("APIHandler", "Scan", "Signer"):
        variables = packaged.functions[name]["Environment"]["Variables"]
        assert variables["CTRIP_VERIFYING_KEY"] == {"Ref": "VerifyingKey"}, name
        assert variables["CTRIP_STAGE"] == STAGE, name


def test_nothing_of_this_machine_is_in_it(packaged: Packaged) -> None:
    """No region, account or path of whoever packaged stands in the template."""
    text = packaged.path.read_text()
    assert not re.search(r"us-east-1|[0-9]{12}|/home/|/root/|/tmp/", text)
