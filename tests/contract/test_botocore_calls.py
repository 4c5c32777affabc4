"""Our shorter ways through botocore end where botocore's own do: answers, requests, endpoints, errors."""

import base64
import json
import os
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, DataNotFoundError, UnknownServiceError
from botocore.loaders import Loader
from botocore.parsers import ResponseParserFactory
from hypothesis import given, settings
from hypothesis import strategies as st

from ctrip.botocore_calls import Descriptions, Parsers, PreparedRequests, ResolvedEndpoints, lighten
from tests.support import dynamodb
from tests.support.stores import Stage

MODEL = botocore.session.get_session().get_service_model("dynamodb")
OPERATIONS = ("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "TransactWriteItems", "TransactGetItems")
THEIRS, OURS = ResponseParserFactory().create_parser("json"), Parsers().create_parser("json")
HEADERS = {"x-amzn-RequestId": "01A2", "Content-Type": "application/x-amz-json-1.0", "x-amz-crc32": "7"}

names = st.text(min_size=1, max_size=8)
blobs = st.binary(max_size=20)
numbers = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)).map(str)
scalars = st.one_of(
    st.text(max_size=30).map(lambda held: {"S": held}),
    numbers.map(lambda held: {"N": held}),
    blobs.map(lambda held: {"B": held}),
    st.booleans().map(lambda held: {"BOOL": held}),
    st.just({"NULL": True}),
    st.lists(st.text(max_size=5), min_size=1, max_size=3).map(lambda held: {"SS": held}),
    st.lists(numbers, min_size=1, max_size=3).map(lambda held: {"NS": held}),
    st.lists(blobs, min_size=1, max_size=3).map(lambda held: {"BS": held}),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda held: {"L": held}),
        st.dictionaries(names, inner, max_size=3).map(lambda held: {"M": held}),
    ),
    max_leaves=12,
)
items = st.dictionaries(names, values, max_size=4)
# What a DynamoDB of tomorrow may answer, and what it never should.
odd = st.one_of(
    st.none(),
    st.just({}),
    st.dictionaries(names, st.one_of(st.none(), st.text(max_size=3), st.integers(), st.lists(st.none())), max_size=3),
    values.map(lambda held: held | {"UNKNOWN": "x"}),
    st.just({"S": None}),
    st.just({"S": "x", "N": "1"}),
    st.just({"L": [None, {"S": "x"}, {"NEW": 1}]}),
    st.just({"M": {"a": None, "b": {"S": "x"}}}),
    st.just({"BS": [None, "AA=="]}),
)
capacity = st.fixed_dictionaries(
    {"TableName": names, "CapacityUnits": st.floats(0, 99)},
    optional={
        "Table": st.just({"CapacityUnits": 1.0, "New": 1}),
        "GlobalSecondaryIndexes": st.dictionaries(names, st.just({"CapacityUnits": 2.5}), max_size=2),
    },
)
answers = st.fixed_dictionaries(
    {},
    optional={
        "Item": st.dictionaries(names, st.one_of(values, odd), max_size=4),
        "Attributes": items,
        "Items": st.lists(st.dictionaries(names, st.one_of(values, odd), max_size=3), max_size=3),
        "Count": st.integers(0, 9),
        "LastEvaluatedKey": items,
        "Responses": st.one_of(
            st.dictionaries(names, st.lists(items, max_size=2), max_size=2),
            st.lists(st.fixed_dictionaries({}, optional={"Item": items}), max_size=2),
        ),
        "UnprocessedKeys": st.dictionaries(names, st.just({"Keys": [{"pk": {"S": "x"}}]}), max_size=1),
        "ConsumedCapacity": st.one_of(capacity, st.lists(capacity, max_size=2)),
        "ItemCollectionMetrics": st.none(),
        "Unknown": st.integers(),
    },
)


def encoded(value: Any) -> Any:
    """Write bytes as DynamoDB's JSON does."""
    if isinstance(value, dict):
        return {name: encoded(held) for name, held in value.items()}
    if isinstance(value, list):
        return [encoded(held) for held in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def outcome(parser: Any, body: bytes, shape: Any, status: int = 200) -> Any:
    """Return what a parser makes of an answer, or the kind of what it raises."""
    response = {"body": body, "headers": HEADERS, "status_code": status}
    try:
        return parser.parse(response, shape)
    except Exception as exc:
        return type(exc)


@settings(max_examples=400, deadline=None)
@given(operation=st.sampled_from(OPERATIONS), answer=answers)
def test_an_answer_is_read_as_botocore_reads_it(operation: str, answer: dict[str, Any]) -> None:
    """Every type of attribute, nested; unknown members; what is missing, null, or no attribute at all."""
    shape, body = MODEL.operation_model(operation).output_shape, json.dumps(encoded(answer)).encode()
    assert outcome(OURS, body, shape) == outcome(THEIRS, body, shape)


@settings(max_examples=200, deadline=None)
@given(item=items)
def test_what_was_written_is_read_back(item: dict[str, Any]) -> None:
    """Every value, bytes too, through a request and an answer of ours."""
    prepared = PreparedRequests(stock()._serializer)  # type: ignore[attr-defined]
    sent = prepared.serialize_to_request({"TableName": "t", "Item": item}, MODEL.operation_model("PutItem"))
    body = json.dumps({"Item": json.loads(sent["body"])["Item"]}).encode()
    assert OURS.parse({"body": body, "headers": {}, "status_code": 200}, get_item())["Item"] == item


def get_item() -> Any:
    """Return the shape of what GetItem answers."""
    return MODEL.operation_model("GetItem").output_shape


REASONS = [
    {"Code": "None"},
    {
        "Code": "ConditionalCheckFailed",
        "Message": "m",
        "Item": {"pk": {"S": "P#1"}, "b": {"B": "AAE="}, "n": {"N": "1"}},
    },
]
ERRORS: list[tuple[int, bytes | dict[str, Any]]] = [
    (
        400,
        {
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "no",
            "CancellationReasons": REASONS,
        },
    ),
    (400, {"__type": "x#ConditionalCheckFailedException", "message": "no", "Item": {"pk": {"S": "P#1"}}}),
    (400, {"__type": "com.amazon.coral.validate#ValidationException:http://x", "message": "no"}),
    (
        400,
        {
            "__type": "ProvisionedThroughputExceededException",
            "message": "slow",
            "ThrottlingReasons": [{"reason": "r", "resource": "t"}],
        },
    ),
    (400, {"message": "no type"}),
    (500, b"<html><body>Service Unavailable</body></html>"),
    (503, b""),
    (502, b"not JSON"),
    (400, b"[]"),
]


@pytest.mark.parametrize(("status", "told"), ERRORS)
def test_an_error_is_read_as_botocore_reads_it(status: int, told: bytes | dict[str, Any]) -> None:
    """Its code and message, the reasons of a cancelled transaction, and pages of whatever stands in between."""
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    read = outcome(OURS, body, get_item(), status)
    assert read == outcome(THEIRS, body, get_item(), status)
    code = read["Error"]["Code"] if isinstance(read, dict) else None
    if code and (shape := MODEL.shape_for_error_code(code)) is not None:
        assert outcome(OURS, body, shape, status) == outcome(THEIRS, body, shape, status)
    if code == "TransactionCanceledException":
        assert outcome(OURS, body, shape, status)["CancellationReasons"][1]["Item"]["b"] == {"B": b"\0\1"}


def stock(service: str = "dynamodb") -> Any:
    """Make a client as botocore does, that checks no parameters, as PynamoDB's and ours."""
    session = botocore.session.get_session()
    session.set_credentials("x", "y")
    config = Config(parameter_validation=False)
    return session.create_client(service, region_name="eu-central-1", config=config)


ENTRIES = [{"Id": "0", "MessageBody": '{"a":"ü"}', "MessageGroupId": "m", "DelaySeconds": 5}]
OF_OTHERS: list[tuple[str, str, dict[str, Any]]] = [
    ("sqs", "SendMessageBatch", {"QueueUrl": "https://q.example/1/x", "Entries": ENTRIES}),
    ("sqs", "SendMessage", {"QueueUrl": "https://q.example/1/x", "MessageBody": "{}"}),
    ("sqs", "GetQueueUrl", {"QueueName": "x"}),
    ("sqs", "GetQueueAttributes", {"QueueUrl": "https://q.example/1/x", "AttributeNames": ["All"]}),
    ("kms", "Decrypt", {"CiphertextBlob": b"\0\xff", "EncryptionContext": {"a": "b"}, "KeyId": "alias/x"}),
    ("secretsmanager", "GetSecretValue", {"SecretId": "x"}),
]
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    (
        "GetItem",
        {"TableName": "t", "Key": {"pk": {"S": "ü"}}, "ConsistentRead": True, "ReturnConsumedCapacity": "TOTAL"},
    ),
    ("BatchGetItem", {"RequestItems": {"t": {"Keys": [{"pk": {"S": "a"}}], "ConsistentRead": False}}}),
    (
        "Query",
        {
            "TableName": "t",
            "IndexName": "i",
            "Limit": 3,
            "ScanIndexForward": False,
            "KeyConditionExpression": "#0 = :0",
            "ExpressionAttributeNames": {"#0": "pk"},
            "ExpressionAttributeValues": {":0": {"S": "a"}},
            "ExclusiveStartKey": {"pk": {"S": "a"}},
        },
    ),
    (
        "PutItem",
        {
            "TableName": "t",
            "Item": {
                "b": {"B": b"\0\xff"},
                "l": {"L": [{"BOOL": True}, {"NULL": True}]},
                "m": {"M": {"s": {"BS": [b"1"]}}},
            },
        },
    ),
    ("UpdateItem", {"TableName": "t", "Key": {}, "UpdateExpression": "SET #0 = :0", "ReturnValues": "ALL_NEW"}),
    ("DeleteItem", {"TableName": "t", "Key": {"pk": {"S": "a"}}}),
    (
        "TransactWriteItems",
        {
            "ClientRequestToken": "k",
            "TransactItems": [
                {"Put": {"TableName": "t", "Item": {"pk": {"S": '"\\'}}}},
                {"ConditionCheck": {"TableName": "t", "Key": {}, "ConditionExpression": "c"}},
            ],
        },
    ),
]


@pytest.mark.parametrize(("service", "operation", "asked"), [*(("dynamodb", *each) for each in REQUESTS), *OF_OTHERS])
def test_a_request_is_built_as_botocore_builds_it(service: str, operation: str, asked: dict[str, Any]) -> None:
    """Byte by byte; what one call's headers are given does not come with the next call."""
    client = stock(service)
    model = client.meta.service_model.operation_model(operation)
    prepared = PreparedRequests(client._serializer)
    for _ in range(2):
        built = prepared.serialize_to_request(asked, model)
        assert built == client._serializer.serialize_to_request(asked, model)
        built["headers"]["X-More"] = "x"
        built["url"] = "x"


@pytest.mark.parametrize("service", ["sqs", "kms", "secretsmanager"])
def test_the_endpoint_of_a_service_does_not_depend_on_what_is_asked(service: str) -> None:
    """Its rules take region and configuration alone, so that resolving it once is as good as each time."""
    client = stock(service)
    taken = {each for each, rule in client._ruleset_resolver._param_definitions.items() if rule.builtin is None}
    assert taken == set()


def test_a_client_of_another_protocol_stays_as_it_is() -> None:
    """Lambda's requests are more than a body."""
    client = stock("lambda")
    before = client._serializer, client._ruleset_resolver
    assert lighten(client) is client
    assert (client._serializer, client._ruleset_resolver) == before


def test_what_dynamodb_takes_no_json_of_is_refused() -> None:
    """As an error of ours, before anything is sent."""
    with pytest.raises(TypeError, match="JSON has no object"):
        PreparedRequests(stock()._serializer).serialize_to_request({"x": object()}, MODEL.operation_model("PutItem"))


def test_an_endpoint_is_resolved_once_an_operation() -> None:
    """By botocore's own resolver, whose answer is kept; its other methods are there."""
    client = stock()
    resolver, asked = client._ruleset_resolver, list[str]()

    class Counting:
        def construct_endpoint(self, **given: Any) -> Any:
            asked.append(given["operation_model"].name)
            return resolver.construct_endpoint(**given)

        def __getattr__(self, name: str) -> Any:
            return getattr(resolver, name)

    once = ResolvedEndpoints(Counting())
    for operation in ("GetItem", "PutItem", "GetItem", "GetItem"):
        given = {"call_args": {"TableName": "t"}, "request_context": {}}
        model = MODEL.operation_model(operation)
        assert once.construct_endpoint(operation_model=model, **given) == resolver.construct_endpoint(
            operation_model=model, **given
        )
    assert asked == ["GetItem", "PutItem"]
    assert once.auth_schemes_to_signing_ctx == resolver.auth_schemes_to_signing_ctx


def test_every_part_is_in_place_on_the_connection_that_is_used(stage: Stage) -> None:
    """A call writes and reads through all three, and a refusal is a refusal."""
    connection = dynamodb.connect(stage.client.meta.endpoint_url)
    client: Any = connection.client
    table, item = stage.table("payments"), {"pk": {"S": "k"}, "sk": {"S": "k"}, "b": {"B": b"\0"}}
    connection.dispatch("PutItem", {"TableName": table, "Item": item})
    key = {name: item[name] for name in ("pk", "sk")}
    assert connection.dispatch("GetItem", {"TableName": table, "Key": key})["Item"] == item
    condition = {"ConditionExpression": "attribute_not_exists(pk)"}
    with pytest.raises(ClientError) as refused:
        connection.dispatch("PutItem", {"TableName": table, "Item": item} | condition)
    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert isinstance(client._serializer, PreparedRequests)
    assert isinstance(client._ruleset_resolver, ResolvedEndpoints)
    assert client._endpoint._response_parser_factory.create_parser("json") is not THEIRS
    assert isinstance(client._endpoint._response_parser_factory, Parsers)


def test_a_client_without_the_names_that_are_replaced_stays_as_it_is() -> None:
    """Another botocore may have others; its calls are then its own."""

    class Client:
        _serializer = object()

    other = Client()
    assert lighten(other) is other
    assert vars(other) == {}


@pytest.mark.parametrize("service", ["dynamodb", "sqs", "lambda", "kms", "secretsmanager"])
@pytest.mark.parametrize("kind", ["service-2", "endpoint-rule-set-1", "paginators-1"])
def test_a_description_is_read_as_botocore_reads_it(service: str, kind: str) -> None:
    """In the order of its members too, which decides what comes first in a request."""
    read, theirs = Descriptions().load_service_model(service, kind), Loader().load_service_model(service, kind)
    assert json.dumps(read) == json.dumps(theirs)


def test_descriptions_of_no_service_are_looked_into_for_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a folder, and there are 400; a name that is none is refused as botocore refuses it."""
    looked, listed = list[str](), os.listdir

    def note(path: str) -> list[str]:
        looked.append(path)
        return listed(path)

    monkeypatch.setattr(os, "listdir", note)
    Descriptions().load_service_model("kms", "service-2")
    assert {path.rsplit("/", 1)[-1] for path in looked} <= {"data", "models", "kms"}
    with pytest.raises(UnknownServiceError):
        Descriptions().load_service_model("kmss", "service-2")
    with pytest.raises(DataNotFoundError):
        Descriptions().load_service_model("kms", "service-3")
