"""Whether this process lives, and whether it can do its work."""

from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from tgauth.api.refusals import refusal_of
from tgauth.domain.errors import StoreUnavailable
from tgauth.flows.check_store import check_store
from tgauth.flows.deployment import Deployment

_NO_STORE = {"Cache-Control": "no-store"}


def health_routes(deployment: Deployment) -> list[HTTPRouteHandler]:
    """Return the handlers that a load balancer or an operator asks."""

    @get("/healthz", sync_to_thread=False)
    def healthz() -> Response[Any]:
        return Response({"status": "alive"}, headers=_NO_STORE)

    @get("/readyz")
    async def readyz() -> Response[Any]:
        try:
            await check_store(deployment)
        except StoreUnavailable as error:
            body = {"status": "not ready", "store": error.code}
            return Response(body, status_code=refusal_of(error).status, headers=_NO_STORE)
        return Response({"status": "ready", "store": "ok"}, headers=_NO_STORE)

    return [healthz, readyz]
