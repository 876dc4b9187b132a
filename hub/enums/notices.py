"""What somebody is told about what they own."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class NoticeKind(TextChoices):
    """What somebody is told about what they own."""

    TOKEN_REVOKED = "token_revoked", _("access token revoked")
    REPORT_UPHELD = "report_upheld", _("access disabled")
    REPORT_RESTORED = "report_restored", _("access restored")
    REPORT_FINAL = "report_final", _("decision final")
    OPT_OUT_RECEIVED = "opt_out_received", _("request received")
    OPT_OUT_OVERDUE = "opt_out_overdue", _("deadline passed")
    OPT_OUT_DESCENDANT = "opt_out_descendant", _("request about training data")
