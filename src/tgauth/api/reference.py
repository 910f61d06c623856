"""The OpenAPI document, made when somebody first asks for it, and a page to read it."""

import json
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from typing import Any, Final

import anyio
from anyio.to_thread import run_sync
from litestar import Litestar, MediaType, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme, Server

from tgauth.api import answers
from tgauth.api.documentation import CLIENT_SCHEME, TOKEN_SCHEME
from tgauth.api.examples import EXAMPLES, HEADERS, PROBLEMS
from tgauth.api.pages import Pages
from tgauth.api.views import Answer, Kind, Member, Operation, ReferencePage
from tgauth.texts import words_for
from tgauth.texts.catalogue import SOURCE

DOCUMENT_PATH: Final = "/openapi.json"
PAGE_PATH: Final = "/docs/api"
_KEPT_FOR: Final = {"Cache-Control": "public, max-age=300"}
_INTRODUCTION: Final = (
    "Logging in happens in a Telegram chat; these few addresses are for the application that "
    "people log in to. Every refusal has the same shape: a code that does not change, and a "
    "description that says what to do."
)


class Reference:
    """Describes some routes; knows nothing until it is asked."""

    def __init__(self, routes: list[HTTPRouteHandler], *, address: str) -> None:
        self._routes = routes
        self._address = address
        self._making = anyio.Lock()
        self._document: dict[str, Any] | None = None

    async def document(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        async with self._making:
            if self._document is None:
                # A tenth of a second of reflection: in a thread, so that logins go on meanwhile.
                self._document = await run_sync(partial(describe, self._routes, self._address))
            return self._document


def reference_routes(reference: Reference, pages: Pages) -> list[HTTPRouteHandler]:
    """Return the handlers of the document and of the page made from it."""

    @get(DOCUMENT_PATH, media_type=MediaType.JSON)
    async def document() -> Response[bytes]:
        text = json.dumps(await reference.document(), ensure_ascii=False, indent=1)
        return Response(text.encode(), media_type=MediaType.JSON, headers=_KEPT_FOR)

    @get(PAGE_PATH, media_type=MediaType.HTML)
    async def page() -> Response[str]:
        # The document is in English, and so is the page around it.
        return pages.render(page_of(await reference.document()), words_for(SOURCE))

    return [document, page]


def page_of(document: dict[str, Any]) -> ReferencePage:
    """Return what the page shows of a document."""
    return ReferencePage(
        version=document["info"]["version"],
        introduction=document["info"]["description"],
        document=DOCUMENT_PATH,
        operations=tuple(_operations(document)),
        kinds=tuple(
            Kind(
                name=name,
                meaning=schema.get("description", ""),
                members=tuple(_members(schema)),
            )
            for name, schema in document["components"]["schemas"].items()
        ),
    )


def describe(routes: list[HTTPRouteHandler], address: str) -> dict[str, Any]:
    """Return the OpenAPI document of these routes, served at this address."""
    config = OpenAPIConfig(
        title="tgauth",
        version=version("tgauth-server"),
        description=_INTRODUCTION,
        servers=[Server(url=address)],
        components=Components(
            security_schemes={
                CLIENT_SCHEME: SecurityScheme(
                    type="http",
                    scheme="basic",
                    description="The client's id and secret, form-urlencoded (RFC 6749 §2.3.1).",
                ),
                TOKEN_SCHEME: SecurityScheme(type="http", scheme="bearer", bearer_format="JWT"),
            }
        ),
        create_examples=False,
        render_plugins=[],
    )
    app = Litestar(route_handlers=routes, openapi_config=config, logging_config=None)
    document = app.openapi_schema.to_schema()
    for operation in _each(document):
        _complete(operation)
    for name, schema in document["components"]["schemas"].items():
        kind = getattr(answers, name)
        schema.pop("title")
        for member in schema["properties"].values():
            # A member that may be missing is a choice of one thing to Litestar.
            member.update(*member.pop("oneOf", ()))
        schema["description"] = kind.__doc__
    return document


def _each(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operations in document["paths"].values():
        yield from operations.values()


def _complete(operation: dict[str, Any]) -> None:
    """Add what Litestar's generation has no word for: headers and examples of answers."""
    name = operation["operationId"]
    operation.pop("deprecated")
    if "requestBody" in operation:
        [content] = operation["requestBody"]["content"].values()
        content["example"] = EXAMPLES[name, "request"]
    for status, response in operation["responses"].items():
        if status in HEADERS:
            header, meaning, kind = HEADERS[status]
            response["headers"] = {
                header: {"description": meaning, "required": True, "schema": {"type": kind}}
            }
        [content] = response["content"].values()
        example = EXAMPLES.get((name, status)) or PROBLEMS.get(status)
        if example is not None:
            content["example"] = example


def _operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            body = operation.get("requestBody")
            schemes = [name for way in operation.get("security", []) for name in way]
            yield Operation(
                anchor=operation["operationId"],
                method=method.upper(),
                path=path,
                summary=operation["summary"],
                description=operation["description"],
                proof=", ".join(_PROOFS[name] for name in schemes),
                body=_pretty(body["content"][MediaType.JSON.value]["example"]) if body else "",
                answers=tuple(_answers(operation)),
            )


_PROOFS: Final = {
    CLIENT_SCHEME: "HTTP Basic with the client's id and secret, where it has one",
    TOKEN_SCHEME: "Authorization: Bearer, with an access token",
}


def _answers(operation: dict[str, Any]) -> Iterator[Answer]:
    for status, response in sorted(operation["responses"].items()):
        [content] = response["content"].values()
        yield Answer(
            status=status,
            meaning=response["description"],
            kind=content["schema"]["$ref"].rpartition("/")[2],
            headers=", ".join(response.get("headers", {})),
            example=_pretty(content["example"]) if "example" in content else "",
        )


def _members(schema: dict[str, Any]) -> Iterator[Member]:
    required = schema.get("required", [])
    for name, member in schema.get("properties", {}).items():
        yield Member(
            name=name,
            type=_type_of(member),
            required=name in required,
            meaning=member.get("description", ""),
        )


def _type_of(member: dict[str, Any]) -> str:
    if "$ref" in member:
        return str(member["$ref"]).rpartition("/")[2]
    if member.get("type") == "array":
        return f"list of {_type_of(member['items'])}"
    if "const" in member or "enum" in member:
        return " or ".join(json.dumps(one) for one in member.get("enum", [member.get("const")]))
    return str(member.get("type", "anything"))


def _pretty(example: object) -> str:
    return json.dumps(example, ensure_ascii=False, indent=2)
