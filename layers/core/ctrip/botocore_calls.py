"""Less work for each call of AWS: requests built, sent and answered, and endpoints resolved, in fewer steps.

botocore signs, resolves and connects as ever. It walks its model of a service for everything that goes out or comes in,
although the JSON of DynamoDB and SQS is already what is asked for and given out, but for bytes; it evaluates the rules
for the endpoint anew for each call, although one client's answer never changes; and to send a request over a connection
that stands already, urllib3 takes as much CPU as all the rest of a call. Contract tests compare each part with
botocore's own (tests/contract/test_botocore_calls.py, test_kept_connections.py).
"""

import json
import os
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from http.client import HTTPException, HTTPResponse
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, HTTPClientError, ReadTimeoutError
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
        session = getattr(getattr(client, "_endpoint", None), "http_session", None)
        if all(hasattr(session, name) for name in KeptConnections.NEEDED):
            client._endpoint.http_session = KeptConnections(session)
    return client


class AttributeParser(JSONParser):
    """botocore's parser, with a shorter way for attribute values; all else, errors among it, goes botocore's way.

    But for a success whose body is no JSON object: botocore takes it for an empty one, and an item that is there for
    one that is not. Here it raises `HTTPClientError`.
    """

    def _do_parse(self, response: Any, shape: Any) -> Any:
        if shape is None or shape.event_stream_name or not response["body"]:
            return super()._do_parse(response, shape)  # type: ignore[misc]
        try:
            told = json.loads(response["body"])
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise HTTPClientError(error="a success whose body is no JSON object")
        parsed = self._parse_shape(shape, told)  # type: ignore[attr-defined]
        self._inject_response_metadata(parsed, response["headers"])  # type: ignore[attr-defined]
        return parsed

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


class KeptConnections:
    """Sends requests over the connections that botocore's session keeps; what has to open one is left to the session.

    Behind a kept connection lie TLS and its verification. Streams are the session's, and so is what goes through a
    proxy: connections to proxies are kept elsewhere.
    """

    NEEDED = ("_manager", "_setup_ssl_cert", "_timeout", "_verify")

    def __init__(self, session: Any) -> None:
        self._session = session
        self._pools: dict[str, Any] = {}

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Return what botocore's session would, and raise what it would raise.

        One thing apart: an answer that ends early raises `ConnectionClosedError`, where the session gives out its
        beginning as the whole.
        """
        if not isinstance(request.body, bytes) or request.stream_output or _timed_apart(request):
            return self._by_session(request)
        pool = self._pool(request.url)
        connection = pool._get_conn()
        if connection.is_closed:
            return self._by_session(request)
        try:
            return self._exchange(request, request.body, connection)
        finally:
            pool._put_conn(connection)

    def close(self) -> None:
        """Close what is kept; what is sent after that opens anew, as it does for botocore's session."""
        self._pools.clear()
        self._session.close()

    def _by_session(self, request: AWSPreparedRequest) -> AWSResponse:
        answer: AWSResponse = self._session.send(request)
        if not request.stream_output and request.method != "HEAD":
            told, here = answer.headers.get("content-length"), len(answer.content)
            if told is not None and told.isdecimal() and here < int(told):
                early = HTTPException(f"an answer of {told} bytes ended after {here}")
                raise ConnectionClosedError(error=early, request=request, endpoint_url=request.url)
        return answer

    def _pool(self, url: str) -> Any:
        if url not in self._pools:
            pool = self._session._manager.connection_from_url(url)
            self._session._setup_ssl_cert(pool, url, self._session._verify)
            self._pools[url] = pool
        return self._pools[url]

    def _exchange(self, request: AWSPreparedRequest, body: bytes, connection: Any) -> AWSResponse:
        stays = False
        try:
            if connection.sock.gettimeout() != (patience := self._session._timeout.read_timeout):
                connection.sock.settimeout(patience)
            # Whoever closes early may have answered before.
            with suppress(BrokenPipeError, ConnectionResetError):
                # In one piece: what comes in two costs both sides twice.
                connection.sock.sendall(_head(request, connection) + body)
            answer = HTTPResponse(connection.sock, method=request.method)
            answer.begin()
            content = answer.read()
            stays = not answer.will_close
        except TimeoutError as exc:
            raise ReadTimeoutError(endpoint_url=request.url, error=exc) from exc
        except (HTTPException, OSError) as exc:
            raise ConnectionClosedError(error=exc, request=request, endpoint_url=request.url) from exc
        except Exception as exc:
            raise HTTPClientError(error=exc) from exc
        finally:
            if not stays:
                connection.close()
        headers: Any = {}
        for held, value in answer.msg.raw_items():
            name = held.lower()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return AWSResponse(request.url, answer.status, headers, _Arrived(content))


class _Arrived:
    """A body that is here already."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        """Yield it as urllib3 would."""
        yield self._content


def _timed_apart(request: AWSPreparedRequest) -> bool:
    return bool((getattr(request, "context", None) or {}).get("read_timeout"))


def _head(request: AWSPreparedRequest, connection: Any) -> bytes:
    """Write the head of a request as urllib3 does; raises ValueError for a header that would be two."""
    host = f"[{connection.host}]" if ":" in connection.host else connection.host
    port = "" if connection.port == connection.default_port else f":{connection.port}"
    target = request.url.partition("://")[2].partition("/")[2]
    lines = [f"{request.method} /{target} HTTP/1.1", f"Host: {host}{port}", "Accept-Encoding: identity"]
    for name, value in request.headers.items():
        lines.append(f"{name}: {value.decode() if isinstance(value, bytes) else value}")
    head = "\r\n".join([*lines, "\r\n"])
    if not head.count("\n") == head.count("\r") == len(lines) + 1:
        raise ValueError("a header of several lines")
    return head.encode()


def _base64(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return b64encode(value).decode()
    raise TypeError(f"JSON has no {type(value).__name__}")
