"""Words instead of a mask: which model finds what they name, and at what price, before anything is written."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.principal import Principal
from hub.models import Repository
from hub.selectors.cards import licence_at
from inference import selectors
from inference.algorithms import pricing
from inference.errors import Unprocessable
from inference.models import InputImage
from inference.services.loras import version_named

ALIAS = "finder"  # for which WELLSPRING_MODEL_ALIASES names the site's own
MAX_WORDS = 200  # characters
GROW_MASK, MOST_GROWN = 5, 20  # pixels: when nothing is said, and the most


@dataclass(frozen=True)
class SearchWanted:
    """What to find in the image. Without a `finder` it is the site's own."""

    words: str
    finder: str = ""
    revision: str = "main"
    grow_mask: int | None = None


@dataclass(frozen=True)
class SearchPlan:
    """A model that was found and finds, and what it will cost."""

    words: str
    grow_mask: int
    repository: Repository
    commit: str
    licence: str
    price: int


def search_for(principal: Principal, wanted: SearchWanted, image: InputImage, *, currency: str) -> SearchPlan:
    """Raises the hub's refusals for a model that is missing or hidden, and Unprocessable."""
    grow = GROW_MASK if wanted.grow_mask is None else wanted.grow_mask
    if not wanted.words.strip() or len(wanted.words) > MAX_WORDS or "\x00" in wanted.words:
        raise Unprocessable(
            _("Say in 1 to %(most)d characters what to find.") % {"most": MAX_WORDS},
            hint=_("Name the thing, such as: red circle."),
            field="search",
        )
    if not 0 <= grow <= MOST_GROWN:
        raise Unprocessable(
            _("%(field)s must lie between %(least)s and %(most)s.")
            % {"field": "grow_mask", "least": 0, "most": MOST_GROWN},
            hint=_("Change it and try again."),
            field="grow_mask",
        )
    repository, commit = version_named(principal, _finder_named(wanted.finder), wanted.revision, field="finder")
    if not selectors.is_finder(repository, commit):
        raise Unprocessable(
            _("%(model)s finds nothing by words.") % {"model": repository.full_name},
            hint=_("Name a CLIPSeg, such as the recipe “segmentation” trains."),
            field="finder",
        )
    price = pricing.search_price(currency=currency, width=image.width, height=image.height)
    return SearchPlan(wanted.words.strip(), grow, repository, commit, licence_at(repository, commit), price)


def _finder_named(name: str) -> str:
    found = name or settings.MODEL_ALIASES.get(ALIAS, "")
    if not found:
        raise Unprocessable(
            _("No model that finds things by words is chosen on this site."),
            hint=_("Name one in the field “finder”, as owner/name."),
            field="finder",
        )
    return str(found)
