"""The HTTP face of the Bot API: `/bot<token>/<METHOD>`."""

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, assert_never

import anyio
from litestar import Request, Response, Router, route
from litestar.exceptions import ClientException, SerializationException
from litestar.params import FromPath

from .errors import ApiError, BadRequest, HungUp, TooManyRequests
from .faults import Fault, Faults, Journal, Kind
from .methods import Answer, Api
from .params import Params

HANG_UP: Final = "x-sandbox-hang-up"
"""A mark for `serving.Wire`: close the connection instead of sending this answer."""

TOKEN: Final = re.compile(r"bot(\d+:[A-Za-z0-9_-]+)")

AnyRequest = Request[Any, Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BotApi:
    """Answers calls: the right token, a fault if one waits, then the method."""

    token: str
    api: Api
    faults: Faults
    journal: Journal

    def router(self) -> Router:
        """Return the routes."""

        @route("/{bot:str}/{method:str}", http_method=["GET", "POST"], status_code=200)
        async def call(
            request: AnyRequest, bot: FromPath[str], method: FromPath[str]
        ) -> Response[Any]:
            return await self.answer(request, bot, method)

        return Router("/", route_handlers=[call])

    async def answer(self, request: AnyRequest, bot: str, method: str) -> Response[Any]:
        """Answer one call."""
        match = TOKEN.fullmatch(bot)
        if match is None:
            return failure(404, "Not Found")
        if not hmac.compare_digest(match.group(1), self.token):
            return failure(401, "Unauthorized")
        try:
            params = await read_params(request)
        except ApiError as error:
            return failure(error.code, error.description)
        call = self.journal.begin(method, params.values)
        response, call["outcome"] = await self._respond(method, params)
        return response

    async def _respond(self, method: str, params: Params) -> tuple[Response[Any], str]:
        if self.faults.outage:
            return hang_up(), "outage"
        fault = self.faults.take(method)
        if fault is None:
            return await self._run(method, params)
        match fault.kind:
            case Kind.DELAY:
                await anyio.sleep(fault.seconds)
                response, outcome = await self._run(method, params)
            case Kind.ACCEPT_THEN_DROP:
                _, outcome = await self._run(method, params)
                response = hang_up()
            case Kind.DROP:
                response, outcome = hang_up(), "not run"
            case Kind.STATUS:
                response, outcome = _status(fault), f"{fault.status}"
            case Kind.MALFORMED:
                response = Response(content="<html>gateway</html>", media_type="text/html")
                outcome = "not run"
            case _:
                assert_never(fault.kind)
        return response, f"fault {fault.kind}: {outcome}"

    async def _run(self, method: str, params: Params) -> tuple[Response[Any], str]:
        try:
            answer = await self.api.call(method, params)
        except HungUp:
            return hang_up(), "outage"
        except ApiError as error:
            response = failure(error.code, error.description, parameters=error.parameters)
            return response, f"{error.code} {error.description}"
        return success(answer), "ok"


def success(answer: Answer) -> Response[Any]:
    """Return the envelope of core.telegram.org/bots/api#making-requests."""
    content = {"ok": True, "result": answer.result}
    if answer.description:
        content["description"] = answer.description
    return Response(content=content, status_code=200)


def failure(
    code: int, description: str, *, parameters: Mapping[str, Any] | None = None
) -> Response[Any]:
    """Return the envelope of a refusal."""
    content: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    if parameters:
        content["parameters"] = dict(parameters)
    return Response(content=content, status_code=code)


def hang_up() -> Response[Any]:
    """Return the mark that closes the connection; 502 where it cannot be closed."""
    return Response(content=b"", status_code=502, headers={HANG_UP: "1"})


def _status(fault: Fault) -> Response[Any]:
    if fault.retry_after is not None:
        error = TooManyRequests(fault.retry_after)
        return failure(fault.status, error.description, parameters=error.parameters)
    names = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable"}
    return failure(fault.status, names.get(fault.status, "Internal Server Error"))


async def read_params(request: AnyRequest) -> Params:
    """Read the parameters from the query and from the body, of whatever type it is."""
    values: dict[str, Any] = dict(request.query_params.multi_items())
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "application/json":
            body = json.loads(await request.body() or b"{}")
            if not isinstance(body, dict):
                raise BadRequest("can't parse JSON object")
            values |= body
        elif kind in {"application/x-www-form-urlencoded", "multipart/form-data"}:
            values |= dict((await request.form()).multi_items())
    except (ValueError, SerializationException, ClientException) as error:
        raise BadRequest("can't parse request body") from error
    return Params(values=values)
