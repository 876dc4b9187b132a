"""Pictures in comments: who sees them."""

from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import NotFound
from hub.models import Attachment
from hub.selectors.reports import is_blocked_everywhere
from hub.selectors.repositories import repositories_visible_to


def attachment_for(principal: Principal, key: str) -> Attachment:
    """For whoever sees the comment; before it is in one, for who uploaded it. Raises NotFound."""
    rows = Attachment.objects.select_related("object", "event__discussion").filter(key=key)
    found = rows.first()
    if found is None or not _is_visible(principal, found) or is_blocked_everywhere(found.object_id):
        raise NotFound(_("There is no such picture."), hint=_("It goes when its comment is hidden."))
    return found


def _is_visible(principal: Principal, attachment: Attachment) -> bool:
    if attachment.event is None:
        return principal.user is not None and principal.user.pk == attachment.uploaded_by_id
    visible = repositories_visible_to(principal)
    return not attachment.event.is_hidden and visible.filter(pk=attachment.event.discussion.repository_id).exists()
