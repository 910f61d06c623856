"""The application: routes, errors, and the headers of every answer."""

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from tgauth.api.account_pages import account_pages
from tgauth.api.assets import asset_routes
from tgauth.api.brand import load_brand
from tgauth.api.browser_pages import browser_pages
from tgauth.api.cors import Cors
from tgauth.api.errors import (
    answer_domain_error,
    answer_malformed,
    answer_protocol_error,
    answer_unforeseen,
)
from tgauth.api.events import event_routes
from tgauth.api.headers import Headers
from tgauth.api.health import health_routes
from tgauth.api.limits import LARGEST_BODY, Limits
from tgauth.api.login_pages import login_pages
from tgauth.api.metrics import metrics_routes
from tgauth.api.options import ApiOptions
from tgauth.api.pages import Pages
from tgauth.api.patience import Patience
from tgauth.api.places import open_places
from tgauth.api.proxies import Proxies
from tgauth.api.reference import Reference, reference_routes
from tgauth.api.streams import Streams
from tgauth.api.timing import Timing
from tgauth.api.tokens import token_routes
from tgauth.api.webhook import webhook_routes
from tgauth.domain.errors import TgauthError
from tgauth.domain.links import host_of
from tgauth.flows.deployment import Deployment
from tgauth.flows.keyring import Keys


def build_app(
    deployment: Deployment, keys: Keys, options: ApiOptions, streams: Streams | None = None
) -> Litestar:
    """Build the application of one installation.

    Args:
        deployment: The installation.
        keys: Its signing keys.
        options: What its operator chose.
        streams: What tells pages what happens; somebody else lets it follow that.

    Raises:
        BrandingUnusable: A part of the branding cannot be shown.
        PlacesUnusable: The file with the places cannot be read.
    """
    brand = load_brand(options.branding, name=host_of(deployment.issuer.url))
    pages = Pages(brand, deployment.client)
    patience = Patience(deployment)
    places = open_places(options.places)

    machine_routes = [*token_routes(deployment, keys, patience), *health_routes(deployment)]
    reference = Reference(machine_routes, address=deployment.issuer.url)
    app = Litestar(
        route_handlers=[
            *login_pages(deployment, pages, patience),
            *browser_pages(deployment, pages, places, link_url=options.link_url),
            *event_routes(deployment, streams or Streams(deployment)),
            *account_pages(deployment, pages, link_url=options.link_url),
            *asset_routes(pages.assets),
            *machine_routes,
            *reference_routes(reference, pages),
            *_metrics_routes(deployment, patience, options),
            *(webhook_routes(deployment, patience, options.webhook) if options.webhook else ()),
        ],
        exception_handlers={
            TgauthError: answer_domain_error,
            HTTPException: answer_protocol_error,
            UnicodeDecodeError: answer_malformed,
            RecursionError: answer_malformed,
            Exception: answer_unforeseen,
        },
        state=State({"pages": pages}),
        request_max_body_size=LARGEST_BODY,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    # Around everything, so that errors of the framework itself come through here as well.
    limited = Limits(app.asgi_handler)
    shared = Cors(limited, deployment.client)
    timed = Timing(shared, deployment.measures) if options.metrics else shared
    complete = Headers(timed, deployment.issuer)
    app.asgi_handler = Proxies(complete, options.trusted_proxies)
    return app


def _metrics_routes(
    deployment: Deployment, patience: Patience, options: ApiOptions
) -> list[HTTPRouteHandler]:
    if options.metrics is None or options.metrics.port is not None:
        return []  # they are off, or have an address of their own
    return metrics_routes(deployment, patience, options.metrics)
