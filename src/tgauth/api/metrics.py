"""`/metrics`: what is counted and timed, for Prometheus."""

import platform
from collections import Counter
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

from anyio import to_thread
from litestar import Litestar, Request, Response, get
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from tgauth.api.errors import (
    answer_domain_error,
    answer_malformed,
    answer_protocol_error,
    answer_unforeseen,
)
from tgauth.api.headers import Headers
from tgauth.api.health import ReadinessCheck
from tgauth.api.limits import LARGEST_BODY, Limits
from tgauth.api.options import Metrics
from tgauth.api.patience import Patience
from tgauth.domain.code import hash_of
from tgauth.domain.errors import StoreUnavailable, TgauthError, TokenRefused
from tgauth.domain.instants import SECOND
from tgauth.flows.deployment import Deployment
from tgauth.flows.look_at_depths import look_at_depths, sqlite_version
from tgauth.logs import Log
from tgauth.measures.catalogue import (
    BUILD,
    INBOX,
    INBOX_AGE,
    LOGINS_OPEN,
    MEMORY,
    OUTBOX,
    OUTBOX_AGE,
    PROCESSES,
    READY,
    STORE_SIZE,
    Gauge,
)
from tgauth.measures.exposition import MEDIA_TYPE, page_of
from tgauth.measures.folder import Collected, collect, memory_of

AnyRequest = Request[Any, Any, Any]
Found = dict[Gauge, dict[tuple[str, ...], float]]

_log = Log("api")
METRICS_PATH: Final = "/metrics"
_BEARER: Final = "bearer "
_BUILD: Final = (version("tgauth-server"), platform.python_version(), sqlite_version())


def metrics_routes(
    deployment: Deployment, patience: Patience, options: Metrics
) -> list[HTTPRouteHandler]:
    """Return the handler that Prometheus asks."""
    readiness = ReadinessCheck(deployment)

    @get(METRICS_PATH, media_type=MEDIA_TYPE)
    async def metrics(request: AnyRequest) -> Response[str]:
        try:
            # A good token is never refused for its address; a guess counts against it.
            async with patience.counting(request):
                _require(options, request)
        except TokenRefused:
            return Response(
                "metrics need the token of TGAUTH_METRICS__TOKEN: send Authorization: Bearer …\n",
                status_code=HTTPStatus.UNAUTHORIZED,
                media_type="text/plain",
                headers={"WWW-Authenticate": "Bearer"},
            )
        found = await _found_out(deployment, readiness)
        collected = await to_thread.run_sync(_collected, options, found)
        return Response(page_of(collected.tallies, found), media_type=MEDIA_TYPE)

    return [metrics]


def metrics_app(deployment: Deployment, options: Metrics) -> Litestar:
    """Build what answers on the metrics' own address, and nothing else."""
    app = Litestar(
        route_handlers=metrics_routes(deployment, Patience(deployment), options),
        exception_handlers={
            TgauthError: answer_domain_error,
            HTTPException: answer_protocol_error,
            UnicodeDecodeError: answer_malformed,
            Exception: answer_unforeseen,
        },
        request_max_body_size=LARGEST_BODY,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    app.asgi_handler = Headers(Limits(app.asgi_handler), deployment.issuer)
    return app


def _require(options: Metrics, request: AnyRequest) -> None:
    if options.token_hash is None:
        return
    authorization = request.headers.get("authorization", "")
    token = authorization[len(_BEARER) :].strip()
    is_bearer = authorization.lower().startswith(_BEARER)
    # Hashes, so that how long comparing takes says nothing about the token.
    if not is_bearer or hash_of(token) != options.token_hash:
        raise TokenRefused("the token for the metrics is missing or wrong")


async def _found_out(deployment: Deployment, readiness: ReadinessCheck) -> Found:
    trouble = await readiness.trouble()
    found: Found = {READY: {(): float(trouble is None)}, BUILD: {_BUILD: 1}}
    try:
        depths = await look_at_depths(deployment)
    except StoreUnavailable:
        return found  # the others are worth something all the same
    return found | {
        INBOX: {("waiting",): depths.waiting, ("parked",): depths.parked},
        INBOX_AGE: {(): depths.waiting_for / SECOND},
        OUTBOX: {("owed",): depths.owed, ("later",): depths.later},
        OUTBOX_AGE: {(): depths.owed_for / SECOND},
        LOGINS_OPEN: {(): depths.logins},
    }


def _collected(options: Metrics, found: Found) -> Collected:
    """Read what the processes keep, and look at those that live. It blocks."""
    database = options.folder.with_suffix("")
    found[STORE_SIZE] = {
        (file,): path.stat().st_size
        for file, path in (
            ("main", database),
            ("wal", database.with_name(f"{database.name}-wal")),
        )
        if path.exists()
    }
    try:
        collected = collect(options.folder)
    except OSError as error:
        _log.warning("metrics.unreadable", folder=options.folder, reason=str(error))
        return Collected()
    found[PROCESSES] = {
        (process,): number
        for process, number in sorted(Counter(one.process for one in collected.living).items())
    }
    memory: Counter[str] = Counter()
    for one in collected.living:
        memory[one.process] += memory_of(one) or 0
    found[MEMORY] = {(process,): size for process, size in sorted(memory.items()) if size}
    return collected
