"""Less work for each call of AWS: answers parsed, requests built and endpoints resolved in fewer steps.

botocore signs, resolves and sends as ever. It walks its model of a service for everything that goes out or comes in,
although the JSON of DynamoDB and SQS is already what is asked for and given out, but for bytes; and it evaluates the
rules for the endpoint anew for each call, although one client's answer never changes. Contract tests compare each part
with botocore's own (tests/contract/test_botocore_calls.py).
"""

import json
import os
import threading
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.loaders import JSONFileLoader, Loader
from botocore.model import OperationModel, Shape
from botocore.parsers import JSONParser, ResponseParserFactory
from botocore.session import Session, get_session

# Attribute values whose JSON is their Python form already.
_PLAIN = frozenset({"S", "N", "BOOL", "NULL"})
_ATTRIBUTE = "AttributeValue"
# A session makes one client at a time: botocore's is not meant for several threads. Its clients are.
_MAKING = threading.Lock()


def make_client(service: str, config: Config, **more: Any) -> Any:
    """Make a client of a service whose calls are cheap; `more` is what botocore shall not find by itself."""
    make: Any = session().create_client  # typed per service; this makes whichever is asked for
    with _MAKING:
        return lighten(make(service, config=config, **more))


@cache
def session() -> Session:
    """Return the process's session, which has our parser and loader: a second one would read all it knows once more."""
    made = get_session()
    made.register_component("response_parser_factory", Parsers())
    made.register_component("data_loader", Descriptions())
    return made


class PlainFiles(JSONFileLoader):
    """Reads a description into plain dictionaries, which keep the order of its members as well as botocore's do."""

    def _load_file(self, full_path: str, open_method: Callable[..., Any]) -> Any:
        if not os.path.isfile(full_path):
            return None
        with open_method(full_path, "rb") as file:
            return json.loads(file.read())


class Descriptions(Loader):
    """Finds a description by its service's name: botocore's own loader looks into the folders of all 400 services."""

    FILE_LOADER_CLASS = PlainFiles

    def list_available_services(self, type_name: str) -> list[str]:
        """Return the folders, whether or not they hold what is asked for: where one does not, reading it says so."""
        return sorted({name for path in self.search_paths if os.path.isdir(path) for name in os.listdir(path)})


def lighten(client: Any) -> Any:
    """Make the calls of a client cheaper that checks no parameters; of another protocol than JSON it stays as it is."""
    known = hasattr(client, "_serializer") and hasattr(client, "_ruleset_resolver")
    # Neither name is public: where another botocore has others, its own way goes on, which costs more and is as right.
    if known and client.meta.service_model.resolved_protocol == "json":
        client._serializer = PreparedRequests(client._serializer)
        client._ruleset_resolver = ResolvedEndpoints(client._ruleset_resolver)
    return client


class AttributeParser(JSONParser):
    """botocore's parser, with a shorter way for attribute values; all else, errors among it, goes botocore's way."""

    def _handle_map(self, shape: Any, value: Any) -> Any:
        if shape.value.name != _ATTRIBUTE:
            return super()._handle_map(shape, value)  # type: ignore[misc]
        attribute = shape.value
        return {name: self._attribute(attribute, held) for name, held in value.items()}

    def _handle_structure(self, shape: Any, value: Any) -> Any:
        if shape.name != _ATTRIBUTE:
            return super()._handle_structure(shape, value)  # type: ignore[misc]
        return self._attribute(shape, value)

    def _attribute(self, shape: Shape, value: Any) -> Any:
        if type(value) is dict and len(value) == 1:
            ((kind, held),) = value.items()
            if held is not None:
                if kind in _PLAIN:
                    return value
                if kind == "B":
                    return {kind: self._blob_parser(held)}  # type: ignore[attr-defined]
                if kind == "M":
                    return {kind: {name: self._attribute(shape, each) for name, each in held.items()}}
                if kind == "L":
                    return {kind: [self._attribute(shape, each) for each in held]}
        # Sets, of which we have none, and what is no attribute value as described.
        return super()._handle_structure(shape, value)  # type: ignore[misc]


class Parsers(ResponseParserFactory):
    """Gives out one parser, which keeps nothing between answers."""

    def __init__(self) -> None:
        super().__init__()
        self._parser = AttributeParser()

    def create_parser(self, protocol_name: str) -> Any:
        """Return the parser of a protocol."""
        return self._parser if protocol_name == "json" else super().create_parser(protocol_name)


class PreparedRequests:
    """Builds requests from botocore's own, made once for each operation; the parameters are their body already.

    Attributes of bytes are to be `bytes`: text in their place, which botocore encodes, is sent as it is.
    """

    def __init__(self, serializer: Any) -> None:
        self._serializer = serializer
        self._prepared: dict[str, dict[str, Any]] = {}

    def serialize_to_request(self, parameters: dict[str, Any], operation_model: OperationModel) -> dict[str, Any]:
        """Return what botocore's serializer would."""
        name = operation_model.name
        prepared = self._prepared.get(name)
        if prepared is None:
            prepared = self._prepared[name] = self._serializer.serialize_to_request({}, operation_model)
        body = json.dumps(parameters, default=_base64).encode()
        return prepared | {"headers": dict(prepared["headers"]), "body": body}


class ResolvedEndpoints:
    """Resolves the endpoint of an operation once; it stays, as tables are named by their names and never by ARNs."""

    def __init__(self, resolver: Any) -> None:
        self._resolver = resolver
        self._resolved: dict[str, Any] = {}

    def construct_endpoint(self, operation_model: OperationModel, **asked: Any) -> Any:
        """Return what botocore's resolver said when it was first asked."""
        name = operation_model.name
        if name not in self._resolved:
            self._resolved[name] = self._resolver.construct_endpoint(operation_model=operation_model, **asked)
        return self._resolved[name]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._resolver, name)


def _base64(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return b64encode(value).decode()
    raise TypeError(f"JSON has no {type(value).__name__}")
