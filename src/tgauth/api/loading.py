"""All of an API process that can be there before it begins: shared with its spare, and ready."""

from litestar import Litestar, get

from tgauth.api.pages import load_pages


def load() -> None:
    """Load what would otherwise be loaded when it is first needed, by a visitor who waits."""
    # Litestar imports a part of itself when the first application is built.
    Litestar(route_handlers=[_nothing], openapi_config=None, logging_config=None)
    load_pages()


@get("/")
async def _nothing() -> None:
    """Answer nothing."""
