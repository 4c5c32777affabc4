"""What CloudFormation will work on: the application's template as SAM expands it."""

from typing import Any

import pytest

from infra.stack.template import load, references
from infra.tools.process import ROOT
from tests.package.conftest import Packaged

GATEWAY_SECONDS = 29
"""How long API Gateway waits for a function."""


@pytest.fixture
def application(packaged: Packaged) -> dict[str, Any]:
    """Return the expanded application."""
    return packaged.expanded["application"]


def of(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Return a type's properties, by logical id."""
    resources = template["Resources"].items()
    return {name: body.get("Properties", {}) for name, body in resources if body["Type"] == kind}


def test_there_is_one_stage_of_the_api(application: dict[str, Any]) -> None:
    """It is throttled, logged and traced; SAM's own `Stage`, or a deployment with a stage, would be none of these."""
    (stage,) = of(application, "AWS::ApiGateway::Stage").values()
    assert stage["StageName"] == "api"
    (settings,) = stage["MethodSettings"]
    assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*")
    assert settings["ThrottlingRateLimit"] > 0
    assert stage["TracingEnabled"] is True
    deployments = of(application, "AWS::ApiGateway::Deployment")
    assert deployments
    assert not [name for name, body in deployments.items() if "StageName" in body]


def test_every_log_ends(application: dict[str, Any]) -> None:
    """Functions and the API write to groups of this stack, each of which has the retention asked for."""
    groups = of(application, "AWS::Logs::LogGroup")
    for name, body in groups.items():
        assert body["RetentionInDays"] == {"Ref": "LogRetention"}, name
    for name, function in of(application, "AWS::Lambda::Function").items():
        group = groups[function["LoggingConfig"]["LogGroup"]["Ref"]]
        own = function["FunctionName"]["Fn::Sub"]
        assert group["LogGroupName"] == {"Fn::Sub": f"/aws/lambda/{own}"}, name
    (stage,) = of(application, "AWS::ApiGateway::Stage").values()
    logical, attribute = stage["AccessLogSetting"]["DestinationArn"]["Fn::GetAtt"]
    assert logical in groups
    assert attribute == "Arn"


def test_access_logs_name_no_payment(application: dict[str, Any]) -> None:
    """Routes, not paths: whoever knows a payment's id can open its page. Nor who asked, nor with what."""
    (stage,) = of(application, "AWS::ApiGateway::Stage").values()
    text = stage["AccessLogSetting"]["Format"]
    assert "$context.resourcePath" in text
    assert not [
        name for name in ("$context.path", "$context.identity", "$context.authorizer", "$input") if name in text
    ]


def test_every_function_is_traced(application: dict[str, Any]) -> None:
    """X-Ray is active, and each role may send traces."""
    functions = of(application, "AWS::Lambda::Function")
    roles = of(application, "AWS::IAM::Role")
    for name, function in functions.items():
        assert function["TracingConfig"] == {"Mode": "Active"}, name
        policies = roles[function["Role"]["Fn::GetAtt"][0]]["Policies"]
        allowed = {action for each in policies for s in each["PolicyDocument"]["Statement"] for action in s["Action"]}
        assert {"xray:PutTraceSegments", "xray:PutTelemetryRecords"} <= allowed, name


def test_no_role_makes_log_groups(application: dict[str, Any]) -> None:
    """A group that a function made would have no retention."""
    for name, role in of(application, "AWS::IAM::Role").items():
        assert "CreateLogGroup" not in str(role), name


def test_a_scanner_that_died_leaves_its_event(application: dict[str, Any]) -> None:
    """In a queue of its own, which its role may send to and which keeps it for 14 days."""
    (invoked,) = [
        body
        for body in of(application, "AWS::Lambda::EventInvokeConfig").values()
        if body["FunctionName"] == {"Ref": "Scan"}
    ]
    destination = invoked["DestinationConfig"]["OnFailure"]["Destination"]["Fn::Sub"]
    queue = of(load(ROOT / "data.yaml"), "AWS::SQS::Queue")["ScanFailures"]
    assert destination.endswith("-scan-failures")
    assert queue["QueueName"] == {"Fn::Sub": "ctrip-${Stage}-scan-failures"}
    assert queue["MessageRetentionPeriod"] == 14 * 86_400
    role = of(application, "AWS::IAM::Role")["ScanRole"]
    sent = [
        s["Resource"]["Fn::Sub"]
        for each in role["Policies"]
        for s in each["PolicyDocument"]["Statement"]
        if s["Action"] == ["sqs:SendMessage"]
    ]
    assert [each for each in sent if each.endswith(":ctrip-${Stage}-scan-failures")]


def test_api_gateways_own_errors_can_be_read_by_any_page(application: dict[str, Any]) -> None:
    """As the payment's public state can: without the header a shop's page could not tell 429 from a lost network."""
    (api,) = of(application, "AWS::ApiGateway::RestApi").values()
    responses = api["Body"]["x-amazon-apigateway-gateway-responses"]
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "INTEGRATION_FAILURE"} <= set(responses)
    for kind, response in responses.items():
        parameters = response["responseParameters"]
        assert parameters["gatewayresponse.header.Access-Control-Allow-Origin"] == "'*'", kind
        if str(response.get("statusCode")) in {"429", "503", "504"} or kind == "DEFAULT_5XX":
            assert "gatewayresponse.header.Retry-After" in parameters, kind
    assert str(responses["INTEGRATION_FAILURE"]["statusCode"]) == "503"


def test_the_api_answers_before_api_gateway_gives_up(application: dict[str, Any]) -> None:
    """A function that is stopped first says so in our shape; one that goes on unheard may create what nobody sees."""
    assert of(application, "AWS::Lambda::Function")["APIHandler"]["Timeout"] < GATEWAY_SECONDS


def test_every_integration_calls_the_function_itself(application: dict[str, Any]) -> None:
    """None names an alias or a version: what is deployed is what is called."""
    (api,) = of(application, "AWS::ApiGateway::RestApi").values()
    uris = {
        str(method["x-amazon-apigateway-integration"].get("uri"))
        for path in api["Body"]["paths"].values()
        for method in path.values()
        if method["x-amazon-apigateway-integration"]["type"] == "aws_proxy"
    }
    assert len(uris) == 1
    assert not of(application, "AWS::Lambda::Alias")


def test_a_host_of_its_own_leads_to_the_one_stage(application: dict[str, Any]) -> None:
    """Where a public address and a certificate are given, and only there."""
    mapping = application["Resources"]["DomainMapping"]
    assert mapping["Condition"] == application["Resources"]["Domain"]["Condition"] == "HasDomain"
    assert mapping["Properties"]["Stage"]["Ref"] in of(application, "AWS::ApiGateway::Stage")


def test_all_that_is_referred_to_is_there(application: dict[str, Any]) -> None:
    """In the application itself: another stack's resource is a name or an import."""
    known = {*application["Parameters"], *application["Resources"]}
    assert not set(references(application["Resources"])) - known


def test_no_condition_has_a_parameters_name(packaged: Packaged) -> None:
    """AWS keeps the two apart; LocalStack takes the one for the other, and an update never ends."""
    for name, template in packaged.expanded.items():
        assert not set(template.get("Conditions", {})) & set(template["Parameters"]), name
