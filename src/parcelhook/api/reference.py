"""The reference: `/openapi.json`, and `/docs`, a page of our own that needs neither script nor network."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
import msgspec
from litestar import Litestar, MediaType, Response, get
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from parcelhook import __version__, errors
from parcelhook.shipping.events import Event, EventKind, encode, sample

_HERE = Path(__file__).parent
_TAGS = {
    "Events": "Feed events in, and see where they stand.",
    "Endpoints": "Connect webhooks: add, edit, delete, test.",
    "Webhooks Logs": "Every attempt, with its cause and its fix.",
    "Shipments": "Where each shipment stands, and everything that was said of it.",
    "Insights": "Figures of deliveries and of tracking, over any range.",
    "Carrier hubs": "Connect the hubs that carriers' scans come from, and look at what came.",
    "Operation": "For those who watch over the server.",
}
_METHODS = ("post", "get", "patch", "delete")
_DONE = {"200": "Done", "201": "Made", "202": "Accepted"}
_INTRODUCTION = (
    "Authenticate with `Authorization: Bearer <API key>`. Errors are `application/problem+json` with a stable `code`. "
    "Lists answer `items` and `next_cursor`."
)


class Field(Struct, frozen=True, kw_only=True):
    """A field of a body, or a parameter, as the page shows it."""

    name: str
    type: str
    required: bool
    description: str


class Operation(Struct, frozen=True, kw_only=True):
    """One call of the API, as the page shows it."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Field]
    body: list[Field]
    answers: list[tuple[str, str, list[Field]]]


class Reference:
    """Made from the handlers themselves, so that it cannot tell another story."""

    def __init__(self, handlers: Sequence[ControllerRouterHandler], dependencies: Mapping[str, Provide]) -> None:
        self._handlers = handlers
        self._dependencies = dependencies
        self._style = (_HERE / "static" / "reference.css").read_bytes()

    @cached_property
    def document(self) -> dict[str, Any]:
        """The OpenAPI document. The one route that stands in front of the framework is added by hand."""
        described = Litestar(
            list(self._handlers),
            dependencies=self._dependencies,
            logging_config=None,
            openapi_config=OpenAPIConfig(
                title="Parcelhook", version=__version__, description=_INTRODUCTION, use_handler_docstrings=True
            ),
        )
        document: dict[str, Any] = described.openapi_schema.to_schema()
        components = document.setdefault("components", {})
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"key": []}]
        document["servers"] = [{"url": "/"}]
        for path, item in document["paths"].items():
            for operation in item.values():
                _tidy(path, operation)
        _add_feed(document, components.setdefault("schemas", {}))
        return document

    @cached_property
    def page(self) -> bytes:
        """The reference as HTML."""
        loader = jinja2.FileSystemLoader(_HERE / "templates")
        environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
        groups = {tag: [] for tag in _TAGS}  # type: dict[str, list[Operation]]
        environment.filters["words"] = _words
        for path, item in self.document["paths"].items():
            for method, operation in sorted(item.items(), key=lambda pair: _METHODS.index(pair[0])):
                groups[operation["tags"][0]].append(_operation(self.document, path, method, operation))
        return (
            environment.get_template("reference.html")
            .render(
                version=__version__,
                groups=[(tag, _TAGS[tag], operations) for tag, operations in groups.items()],
                samples=[(kind, msgspec.json.format(encode(sample(kind)), indent=2).decode()) for kind in EventKind],
                errors=error_codes(),
            )
            .encode()
        )

    @property
    def handlers(self) -> list[HTTPRouteHandler]:
        """The routes of the reference."""

        @get("/openapi.json", include_in_schema=False, sync_to_thread=False)
        def openapi() -> Response[bytes]:
            return Response(msgspec.json.encode(self.document), media_type=MediaType.JSON)

        @get("/docs", include_in_schema=False, sync_to_thread=False)
        def docs() -> Response[bytes]:
            return Response(self.page, media_type="text/html")

        @get("/docs/reference.css", include_in_schema=False, sync_to_thread=False)
        def style() -> Response[bytes]:
            return Response(self._style, media_type="text/css")

        return [openapi, docs, style]


def error_codes() -> list[tuple[str, int, str, str]]:
    """Every error that the API answers with: code, status, title, and when it comes; from the tree itself."""
    found = [
        (kind.code, kind.status, kind.title, inspect.getdoc(kind) or "")
        for kind in vars(errors).values()
        if inspect.isclass(kind) and issubclass(kind, errors.ParcelhookError) and kind is not errors.ParcelhookError
        and kind is not errors.SettingsError
    ]  # fmt: skip
    found.append(
        ("method_not_allowed", 405, "This method is not possible here", "The path exists, but not for this method.")
    )
    found.append(("bad_request", 400, "The request could not be read", "The request is not valid HTTP for this route."))
    found.append(("internal_error", 500, "Something went wrong", "A fault of the server, logged under the `incident` that the answer names."))  # fmt: skip
    return sorted(found)


def _words(text: str) -> markupsafe.Markup:
    """A sentence with its `code` set as such."""
    return markupsafe.Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(markupsafe.escape(text))))  # noqa: S704  (escaped)


def _tidy(path: str, operation: dict[str, Any]) -> None:
    """The framework's own 400 is never answered: errors are problems, and which ones is told once for all."""
    answers = operation["responses"]
    for status, words in _DONE.items():
        if status in answers:
            answers[status]["description"] = words
    answers.pop("400", None)
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answers["4XX"] = {"description": "A problem; its `code` says which", "content": problem}
    if not path.startswith("/v1/"):
        operation["security"] = []
    operation["parameters"] = [
        parameter for parameter in operation.get("parameters", []) if parameter["name"] != "Last-Event-ID"
    ]


def _add_feed(document: dict[str, Any], schemas: dict[str, Any]) -> None:
    (event,), components = msgspec.json.schema_components((Event,), ref_template="#/components/schemas/{name}")
    schemas |= components
    schemas["Problem"] = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in (
            ("type", "string"), ("title", "string"), ("status", "integer"), ("code", "string"), ("detail", "string"),
            ("field", "string"), ("remedy", "string"), ("item", "integer"),
        )} | {"value": {}},
        "required": ["type", "title", "status", "code", "detail"],
    }  # fmt: skip
    accepted = {
        "type": "object",
        "properties": {
            "accepted": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"id": {"type": "string"}, "duplicate": {"type": "boolean"}},
                    "required": ["id", "duplicate"],
                },
            }
        },
        "required": ["accepted"],
    }
    feed = {
        "tags": ["Events"],
        "operationId": "Feed",
        "summary": "Feed events in",
        "description": "One event, an array of up to 1,000, or NDJSON (`application/x-ndjson`). 202 means that all of it "
        "is on disk. If one item of a batch is bad, the answer names it and nothing of the batch is accepted. The same "
        "`id` or the same `Idempotency-Key` again adds nothing. With `deliver=false` what is fed in is history: the events "
        "are kept, their shipments stand where they say, and no endpoint is sent anything.",
        "parameters": [
            {
                "name": "deliver",
                "in": "query",
                "required": False,
                "description": "`false`: nothing of this request is delivered, now or later",
                "schema": {"type": "string", "enum": ["true", "false"], "default": "true"},
            },
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "Names this request; repeating it within a day answers the same and adds nothing",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            },
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"oneOf": [event, {"type": "array", "items": event, "minItems": 1, "maxItems": 1000}]}
                }
            },
        },
        "responses": {
            "202": {"description": "Accepted, and on disk", "content": {"application/json": {"schema": accepted}}},
            "4XX": {
                "description": "A problem; its `code` says which",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        },
    }
    document["paths"] = {"/v1/events": {"post": feed}} | document["paths"]


def _operation(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Operation:
    parameters = [
        Field(
            name=parameter["name"],
            type=f"{_type(document, parameter.get('schema', {}))}, {parameter['in']}",
            required=parameter.get("required", False),
            description=parameter.get("description", ""),
        )
        for parameter in operation.get("parameters", [])
    ]
    body: list[Field] = []
    for content in operation.get("requestBody", {}).get("content", {}).values():
        body = _fields(document, content.get("schema", {}))
    answers = []
    for status, answer in operation["responses"].items():
        contents: list[dict[str, Any]] = list(answer.get("content", {}).values())
        schema = contents[0].get("schema", {}) if contents else {}
        answers.append((status, answer.get("description", ""), [] if status == "4XX" else _fields(document, schema)))
    return Operation(
        anchor=f"{method}-{path}".replace("/", "-").replace("{", "").replace("}", ""),
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        parameters=parameters,
        body=body,
        answers=answers,
    )


def _resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _fields(document: dict[str, Any], schema: dict[str, Any]) -> list[Field]:
    schema = _resolve(document, schema)
    for option in schema.get("oneOf", []) + schema.get("anyOf", []):
        if _resolve(document, option).get("properties"):
            return _fields(document, option)
    required = set(schema.get("required", []))
    return [
        Field(
            name=name,
            type=_type(document, part),
            required=name in required,
            description=_description(document, part),
        )
        for name, part in schema.get("properties", {}).items()
    ]


def _description(document: dict[str, Any], schema: dict[str, Any]) -> str:
    if "description" in schema:
        return str(schema["description"])
    options = [part for part in schema.get("oneOf", []) if "description" in part]
    return str(options[0]["description"]) if options else str(_resolve(document, schema).get("description", ""))


def _type(document: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        schema = _resolve(document, schema)
    options = schema.get("oneOf") or schema.get("anyOf")
    if options:
        return " or ".join(dict.fromkeys(_type(document, option) for option in options))
    if "const" in schema or "enum" in schema:
        return " or ".join(str(value) for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(document, schema.get('items', {}))}"
    if kind == "object" and "properties" in schema:
        return "{" + ", ".join(schema["properties"]) + "}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
