"""Whether this process lives, and whether it can do its work."""

from typing import Final

import anyio
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from tgauth.api.answers import Alive, Readiness
from tgauth.api.documentation import documented
from tgauth.api.refusals import refusal_of
from tgauth.domain.errors import StoreUnavailable
from tgauth.flows.check_store import check_store
from tgauth.flows.deployment import Deployment
from tgauth.logs import Log

_log = Log("api")
_NO_STORE: Final = {"Cache-Control": "no-store"}
#: Seconds for which a check is believed.
_GOOD_FOR: Final = 1.0


def health_routes(deployment: Deployment) -> list[HTTPRouteHandler]:
    """Return the handlers that a load balancer or an operator asks."""

    @get("/healthz", sync_to_thread=False, **documented("alive"))
    def healthz() -> Response[Alive]:
        return Response(Alive(status="alive"), headers=_NO_STORE)

    readiness = ReadinessCheck(deployment)

    @get("/readyz", **documented("ready"))
    async def readyz() -> Response[Readiness]:
        trouble = await readiness.trouble()
        if trouble is not None:
            body = Readiness(status="not ready", store=trouble.code)
            return Response(body, status_code=refusal_of(trouble).status, headers=_NO_STORE)
        return Response(Readiness(status="ready", store="ok"), headers=_NO_STORE)

    return [healthz, readyz]


class ReadinessCheck:
    """Remembers the last check for a moment: it writes, and anybody may ask."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._asking = anyio.Lock()
        self._checked_at = float("-inf")
        self._trouble: StoreUnavailable | None = None

    async def trouble(self) -> StoreUnavailable | None:
        """Return what keeps a login from being stored right now, if anything does."""
        async with self._asking:
            if anyio.current_time() - self._checked_at > _GOOD_FOR:
                try:
                    await check_store(self._deployment)
                    if self._trouble is not None:
                        _log.info("store.available")
                    self._trouble = None
                except StoreUnavailable as error:
                    if self._trouble is None:
                        _log.error("store.unavailable", reason=str(error))
                    self._trouble = error
                self._checked_at = anyio.current_time()
            return self._trouble
