"""Looking into the files that settings name, as the start of an API process does."""

from tgauth.api.brand import BrandingUnusable, load_brand
from tgauth.api.places import PlacesUnusable, open_places
from tgauth.processes import branding_of, unusable
from tgauth.settings import Mistake, Settings


def unusable_files(settings: Settings) -> tuple[Mistake, ...]:
    """Return what an API process would end with 78 for; what is in a file no setting tells."""
    mistakes: list[Mistake] = []
    for look in (
        lambda: load_brand(branding_of(settings), name=""),
        lambda: open_places(settings.login.places),
    ):
        try:
            look()
        except (BrandingUnusable, PlacesUnusable) as error:
            mistakes += unusable(error).mistakes
    return tuple(mistakes)
