"""The gallery in a real browser: every page as it is served, without a server."""

from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, Route
from tests.gallery import gallery

from tgauth.api.options import Branding
from tgauth.texts import words_for

ORIGIN = "https://login.example.org"


class Gallery:
    """Answers a browser's requests with the pages of the gallery, under their real headers."""

    def __init__(self, language: str = "en", branding: Branding | None = None) -> None:
        self.pages, self.assets = gallery(words_for(language), branding)

    def serve(self, context: BrowserContext) -> None:
        """Answer whatever this context asks for; nothing leaves the machine."""
        context.route("**/*", self._answer)

    def show(self, page: Page, name: str) -> None:
        """Open a page of the gallery."""
        page.goto(f"{ORIGIN}/{name}")

    def _answer(self, route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path in self.assets:
            asset = self.assets[path]
            headers = {"content-type": asset.media_type, **asset.headers}
            route.fulfill(status=200, body=asset.content, headers=headers)
            return
        if path.startswith("/login/"):
            # What the script of a login's page asks for: it hears nothing, and goes nowhere.
            route.fulfill(status=204)
            return
        answer = self.pages[path.removeprefix("/")]
        headers = {**answer.headers, "content-type": "text/html; charset=utf-8"}
        route.fulfill(status=answer.status_code, body=answer.content, headers=headers)
