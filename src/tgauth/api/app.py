"""The application: routes, errors, and the headers of every answer."""

from typing import Final

from litestar import Litestar
from litestar.datastructures import ResponseHeader, State
from litestar.exceptions import HTTPException

from tgauth.api.account_pages import account_pages
from tgauth.api.assets import asset_routes
from tgauth.api.brand import load_brand
from tgauth.api.errors import (
    answer_domain_error,
    answer_malformed,
    answer_protocol_error,
    answer_unforeseen,
)
from tgauth.api.health import health_routes
from tgauth.api.login_pages import login_pages
from tgauth.api.options import ApiOptions
from tgauth.api.pages import COMMON_HEADERS, Pages
from tgauth.api.tokens import token_routes
from tgauth.domain.errors import TgauthError
from tgauth.domain.links import host_of
from tgauth.flows.deployment import Deployment
from tgauth.flows.keyring import Keys

#: Bytes: the largest body that anything here takes is a code in JSON.
LARGEST_BODY: Final = 16 * 1024


def build_app(deployment: Deployment, keys: Keys, options: ApiOptions) -> Litestar:
    """Build the application of one installation.

    Raises:
        BrandingUnusable: A part of the branding cannot be shown.
    """
    brand = load_brand(options.branding, name=host_of(deployment.issuer.url))
    pages = Pages(brand, deployment.client)
    return Litestar(
        route_handlers=[
            *login_pages(deployment, pages),
            *account_pages(deployment, pages),
            *asset_routes(pages.assets),
            *token_routes(deployment, keys),
            *health_routes(deployment),
        ],
        exception_handlers={
            TgauthError: answer_domain_error,
            HTTPException: answer_protocol_error,
            UnicodeDecodeError: answer_malformed,
            RecursionError: answer_malformed,
            Exception: answer_unforeseen,
        },
        response_headers=[
            ResponseHeader(name=name, value=text) for name, text in COMMON_HEADERS.items()
        ],
        state=State({"pages": pages}),
        request_max_body_size=LARGEST_BODY,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
