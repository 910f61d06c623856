"""The account: who is logged in and where, logging out, one's data, and the end of it all."""

import json
from typing import Any, Final

from litestar import MediaType, Response, get, post
from litestar.handlers import HTTPRouteHandler

from tgauth.api.cookies import cookie_of, no_cookie
from tgauth.api.forms import AnyRequest, Forms, see_other
from tgauth.api.languages import words_of
from tgauth.api.pages import ACCOUNT_PATH, FRONT_PATH, Pages, initial_of
from tgauth.api.refusals import STALE_FORM
from tgauth.api.views import AccountPage, DeletePage, Done, ListedSession, Moment, WelcomePage
from tgauth.api.visitors import visitor_of
from tgauth.domain.audit import Actor, Doer
from tgauth.domain.errors import SessionEnded
from tgauth.domain.instants import SECOND, Instant, timestamp
from tgauth.domain.links import chat_link, origin_of
from tgauth.domain.session import Session
from tgauth.flows.account import (
    delete_account,
    end_every_session,
    end_own_session,
    export_data,
    living_sessions,
    note_export,
)
from tgauth.flows.deployment import Deployment
from tgauth.flows.end_session import end_session
from tgauth.flows.identify import Identity, identify_by_cookie
from tgauth.flows.introduce_bot import name_of_bot
from tgauth.flows.personal_data import document_of
from tgauth.logs import Log
from tgauth.texts import Words

_log = Log("api")

#: A token from the account page must not do for the button that deletes it.
_DELETING: Final = "delete"


def account_pages(deployment: Deployment, pages: Pages, *, link_url: str) -> list[HTTPRouteHandler]:
    """Return the handlers of the account."""
    account = _AccountPages(deployment, pages, link_url=link_url)

    @get([FRONT_PATH, ACCOUNT_PATH], media_type=MediaType.HTML)
    async def show(request: AnyRequest) -> Response[Any]:
        return await account.show(request)

    @get(f"{ACCOUNT_PATH}/data")
    async def download(request: AnyRequest) -> Response[Any]:
        return await account.download(request)

    @get(f"{ACCOUNT_PATH}/delete", media_type=MediaType.HTML)
    async def ask(request: AnyRequest) -> Response[Any]:
        return await account.ask(request)

    @post(f"{ACCOUNT_PATH}/delete", media_type=MediaType.HTML)
    async def delete(request: AnyRequest) -> Response[Any]:
        return await account.delete(request)

    @post(f"{ACCOUNT_PATH}/sessions/end", media_type=MediaType.HTML)
    async def end_one(request: AnyRequest) -> Response[Any]:
        return await account.end_one(request)

    @post(f"{ACCOUNT_PATH}/sessions/end-all", media_type=MediaType.HTML)
    async def end_all(request: AnyRequest) -> Response[Any]:
        return await account.end_all(request)

    @post("/logout", media_type=MediaType.HTML)
    async def log_out(request: AnyRequest) -> Response[Any]:
        return await account.log_out(request)

    return [show, download, ask, delete, end_one, end_all, log_out]


class _AccountPages:
    def __init__(self, deployment: Deployment, pages: Pages, *, link_url: str) -> None:
        self._deployment = deployment
        self._pages = pages
        self._link_url = link_url
        self._forms = Forms(deployment)
        self._client = deployment.client

    async def show(self, request: AnyRequest) -> Response[Any]:
        """Show who is logged in here, and where else; or how to log in."""
        words = words_of(request)
        done = _done(request)
        try:
            identity = await self._identity(request)
        except SessionEnded:
            return self._pages.render(await self._welcome_page(words, done), words)
        sessions = await living_sessions(self._deployment, identity.person)
        person = identity.person
        page = AccountPage(
            account=person.label,
            name=person.name,
            initial=initial_of(person.name),
            telegram_id=person.profile.telegram_id,
            sessions=tuple(
                self._listed(one, words, here=one.id == identity.session.id) for one in sessions
            ),
            application=self._client.name,
            target=self._target,
            one_ended=done is Done.SESSION_ENDED,
            form_token=self._forms.token(self._secret(request)),
        )
        return self._pages.render(page, words)

    async def download(self, request: AnyRequest) -> Response[Any]:
        """Hand out what is kept about whoever is logged in here."""
        identity = await self._identity(request)
        await note_export(self._deployment, identity.person, by=_doer(request))
        data = await export_data(self._deployment, identity.person)
        document = document_of(data, issuer=self._deployment.issuer.url, now=self._deployment.now())
        _log.info("account.exported", session_id=identity.session.id)
        return Response(
            json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n",
            media_type=MediaType.JSON,
            headers={
                "Content-Disposition": 'attachment; filename="my-login-data.json"',
                "Cache-Control": "no-store",
            },
        )

    async def ask(self, request: AnyRequest) -> Response[Any]:
        """Say what deleting means, and ask again."""
        identity = await self._identity(request)
        words = words_of(request)
        page = DeletePage(
            account=identity.person.label,
            delay=self._delay(words),
            form_token=self._forms.token(self._secret(request), purpose=_DELETING),
        )
        return self._pages.render(page, words)

    async def delete(self, request: AnyRequest) -> Response[Any]:
        """Delete the account, and log out with that."""
        if await self._forms.ours(request, self._secret(request), purpose=_DELETING) is None:
            return self._pages.refuse(STALE_FORM, words_of(request))
        identity = await self._identity(request)
        await delete_account(self._deployment, identity.person, by=_doer(request))
        _log.info("account.deleted", session_id=identity.session.id, by="browser")
        return self._leave(Done.DELETED)

    async def end_one(self, request: AnyRequest) -> Response[Any]:
        """End one of one's own sessions; pressing twice is as good as once."""
        form = await self._forms.ours(request, self._secret(request))
        if form is None:
            return self._pages.refuse(STALE_FORM, words_of(request))
        identity = await self._identity(request)
        session_id = str(form.get("session", ""))
        try:
            await end_own_session(self._deployment, identity.person, session_id, by=_doer(request))
            _log.info("session.ended", session_id=session_id, by="browser")
        except SessionEnded:
            _log.info("session.not_ended", by="browser")
        return see_other(f"{ACCOUNT_PATH}?done={Done.SESSION_ENDED}")

    async def end_all(self, request: AnyRequest) -> Response[Any]:
        """End every session of whoever is logged in here, this one too."""
        if await self._forms.ours(request, self._secret(request)) is None:
            return self._pages.refuse(STALE_FORM, words_of(request))
        identity = await self._identity(request)
        count = await end_every_session(self._deployment, identity.person, by=_doer(request))
        _log.info("sessions.ended", count=count, by="browser")
        return self._leave(Done.LOGGED_OUT_EVERYWHERE)

    async def log_out(self, request: AnyRequest) -> Response[Any]:
        """End this browser's session."""
        secret = self._secret(request)
        if secret:
            if await self._forms.ours(request, secret) is None:
                return self._pages.refuse(STALE_FORM, words_of(request))
            await end_session(self._deployment, secret, by=_doer(request))
            _log.info("session.ended", by="browser")
        return self._leave(Done.LOGGED_OUT)

    async def _identity(self, request: AnyRequest) -> Identity:
        return await identify_by_cookie(self._deployment, self._secret(request))

    def _secret(self, request: AnyRequest) -> str:
        return cookie_of(request, self._deployment.issuer.session_cookie) or ""

    def _leave(self, done: Done) -> Response[Any]:
        issuer = self._deployment.issuer
        forget = [
            no_cookie(issuer, issuer.session_cookie),
            no_cookie(issuer, issuer.login_cookie),
        ]
        return see_other(f"{ACCOUNT_PATH}?done={done}", cookies=forget)

    async def _welcome_page(self, words: Words, done: Done | None) -> WelcomePage:
        bot = await name_of_bot(self._deployment)
        return WelcomePage(
            title=title_of(done, words),
            done=done,
            delay=self._delay(words),
            application=self._client.name,
            target=self._target,
            bot=bot,
            chat=chat_link(self._link_url, bot) if bot else None,
        )

    def _listed(self, session: Session, words: Words, *, here: bool) -> ListedSession:
        ours = session.client_id == self._client.id
        return ListedSession(
            id=session.id,
            application=self._client.name if ours else session.client_id,
            device=session.visitor.device,
            address=session.visitor.address,
            since=_moment(session.created_at, words),
            seen=_moment(session.seen_at, words),
            here=here,
        )

    def _delay(self, words: Words) -> str:
        """Say how long an application may take to notice that a session has ended."""
        return words.duration(self._client.token_lifetime * SECOND)

    @property
    def _target(self) -> str | None:
        return origin_of(self._client.callback_url) if self._client.callback_url else None


def _doer(request: AnyRequest) -> Doer:
    return Doer(actor=Actor.PERSON, visitor=visitor_of(request))


def title_of(done: Done | None, words: Words) -> str:
    """Return what the page without anybody logged in says first."""
    match done:
        case Done.DELETED:
            return words.gettext("Your account has been deleted")
        case Done.LOGGED_OUT:
            return words.gettext("You are logged out")
        case Done.LOGGED_OUT_EVERYWHERE:
            return words.gettext("You are logged out everywhere")
        case Done.SESSION_ENDED | None:
            return words.gettext("You are not logged in")


def _done(request: AnyRequest) -> Done | None:
    told = request.query_params.get("done")
    return Done(told) if told in set(Done) else None


def _moment(instant: Instant, words: Words) -> Moment:
    return Moment(iso=timestamp(instant), text=words.moment(instant))
