"""Limits on failures: what a network address may still try, and what counts as failed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import anyio
from litestar import Request

from tgauth.api.refusals import refusal_of
from tgauth.api.visitors import address_of, is_part_of_a_page
from tgauth.domain.errors import (
    CodeAlreadySpent,
    CodeExpired,
    CodeRevoked,
    LoginAlreadyRedeemed,
    LoginDenied,
    LoginExpired,
    LoginReplaced,
    PersonBanned,
    PersonNotAllowed,
    SessionEnded,
    StoreUnavailable,
    TgauthError,
    TokenExpired,
)
from tgauth.flows.deployment import Deployment
from tgauth.flows.limit_failures import note_failure, require_patience
from tgauth.logs import Log

_log = Log("api")

#: What a guess would look like, by the code of its refusal …
_FAILURES: Final = frozenset({"invalid_grant", "invalid_client", "invalid_token"})
#: … and what is none all the same, because whoever brings it holds something that we once gave out:
#: a link or code that is over (pressed twice, raced for, too late), a token whose time has passed,
#: somebody's own link that they may not use.
_NO_GUESSES: Final = (
    CodeAlreadySpent,
    CodeExpired,
    CodeRevoked,
    LoginAlreadyRedeemed,
    LoginDenied,
    LoginExpired,
    LoginReplaced,
    PersonBanned,
    PersonNotAllowed,
    SessionEnded,
    TokenExpired,
)


class Patience:
    """Asks whether an address may try, and counts when it failed.

    All processes count together, through the store. Failures are written one at a time for each
    process, and none for an address that is over its limit: whoever guesses, however many at once,
    is one writer among the others and cannot keep a login waiting.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._noting = anyio.Lock()

    @asynccontextmanager
    async def attempt(self, request: Request[Any, Any, Any]) -> AsyncIterator[None]:
        """Let an address try something; count it when it fails.

        Raises:
            TooManyFailures: The address failed too often; nothing was tried.
        """
        await self.require(request)
        async with self.counting(request):
            yield

    @asynccontextmanager
    async def counting(self, request: Request[Any, Any, Any]) -> AsyncIterator[None]:
        """Let anybody try something; count it when it fails.

        Raises:
            TooManyFailures: It failed, and the address had failed too often before.
        """
        try:
            yield
        except TgauthError as error:
            if refusal_of(error).error in _FAILURES and not isinstance(error, _NO_GUESSES):
                await self._note(request)
            raise

    async def require(self, request: Request[Any, Any, Any]) -> None:
        """Let an address go on.

        Raises:
            TooManyFailures: It failed too often within a minute.
        """
        await require_patience(self._deployment, address_of(request))

    async def _note(self, request: Request[Any, Any, Any]) -> None:
        if is_part_of_a_page(request):
            return
        address = address_of(request)
        async with self._noting:
            # Asked again: others that began as early as this one may have used the limit up.
            await require_patience(self._deployment, address)
            # A full disk is readiness's to tell; the caller is told what was wrong.
            with suppress(StoreUnavailable):
                await note_failure(self._deployment, address)
        _log.debug("failure.counted", address=address)
