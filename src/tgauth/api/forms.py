"""What protects every button: our own Origin, and a token made from the browser's cookie."""

import hmac
from collections.abc import Sequence
from typing import Any, Final

from litestar import Request, Response
from litestar.datastructures import Cookie, FormMultiDict
from litestar.enums import RequestEncodingType
from litestar.exceptions import ClientException
from litestar.response import Redirect

from tgauth.domain.code import derive_form_token
from tgauth.flows.deployment import Deployment

AnyRequest = Request[Any, Any, Any]

#: The name of the token's field.
_TOKEN: Final = "token"  # noqa: S105 - a field's name


class Forms:
    """Makes and checks the forms of one installation."""

    def __init__(self, deployment: Deployment) -> None:
        self._master_key = deployment.master_key
        self._origin = deployment.issuer.url

    def token(self, cookie: str, *, purpose: str = "") -> str:
        """Return the token that a form must send along.

        Args:
            cookie: What the browser's cookie holds.
            purpose: What the form does, where another page's token must not do for it.
        """
        return derive_form_token(self._master_key, f"{cookie}\0{purpose}" if purpose else cookie)

    async def ours(
        self, request: AnyRequest, cookie: str, *, purpose: str = ""
    ) -> FormMultiDict | None:
        """Read a form; nothing where it was not sent from our own page in this very browser.

        Raises:
            ClientException: It is no form.
        """
        form = await _read(request)
        token = form.get(_TOKEN)
        expected = self.token(cookie, purpose=purpose)
        is_ours = (
            request.headers.get("origin") == self._origin
            and isinstance(token, str)
            and hmac.compare_digest(token.encode(), expected.encode())
        )
        return form if is_ours else None


def see_other(target: str, *, cookies: Sequence[Cookie] = ()) -> Response[Any]:
    """Send the browser on after a form."""
    # 303, never 307: the browser must not send the form on (RFC 9700 §4.12).
    return Redirect(
        target,
        status_code=303,
        cookies=list(cookies),
        headers={"Cache-Control": "no-store"},
    )


async def _read(request: AnyRequest) -> FormMultiDict:
    """Read a form of ours; ours are never multipart, whose parts could name any charset."""
    if request.content_type[0] != RequestEncodingType.URL_ENCODED:
        raise ClientException("the body must be a form", status_code=415)
    return await request.form()
