"""What inspections of files find."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ScanStatus(TextChoices):
    """What an inspection of a file found. The value is the protocol's word for it."""

    SAFE = "safe", _("safe")
    UNSCANNED = "unscanned", _("not inspected")
    SUSPICIOUS = "suspicious", _("suspicious")
    ERROR = "error", _("cannot be inspected")
    UNSAFE = "unsafe", _("unsafe")


# From harmless to worst: of several reasons the worst counts.
SCAN_ORDER = list(ScanStatus)


class ScanReason(TextChoices):
    """Why a file is not simply safe, in words; hub/algorithms/scanning.py gives the codes."""

    IMPORTS = "imports", _("Loading it imports what is not on the list of what is allowed.")
    COMPUTED = "computed", _("Loading it calls something that is only computed then.")
    PATH_LEAVES = "path_leaves", _("Unpacking it writes outside of its folder.")
    LINK_LEAVES = "link_leaves", _("It has a link that leads out of its folder.")
    DEVICE = "device", _("It holds a device instead of a file.")
    BOMB = "bomb", _("It unpacks to far more than it seems to hold.")
    OVERLAP = "overlap", _("Files in it share bytes, as in an archive that is a trap.")
    TOO_MANY_FILES = "too_many_files", _("It holds more files than can be inspected.")
    TOO_DEEP = "too_deep", _("It has archives in archives in archives.")
    TOO_LARGE = "too_large", _("It is too large to be inspected whole.")
    ENCRYPTED = "encrypted", _("It is locked by a password.")
    BROKEN_ARCHIVE = "broken_archive", _("The archive is broken.")
    BROKEN_PICKLE = "broken_pickle", _("The pickle cannot be followed to its end.")
    BROKEN_ARRAY = "broken_array", _("The array's header is broken.")
    UNREADABLE = "unreadable", _("Its content could not be read.")
    NOT_INSPECTED = "not_inspected", _("This kind of archive is not looked into here.")
    TENSORS = "tensors", _("The header does not fit the tensors that follow.")
    ACTIVE = "active", _("A browser would run it as a program; here it is never run.")
    WRONG_ENDING = "wrong_ending", _("It is something else than its name says.")
    PROGRAM = "program", _("It holds a program of a computer's own.")
    REST = "rest", _("Behind the pickle follow bytes that are none.")


SCAN_LEVELS: dict[ScanReason, ScanStatus] = {
    ScanReason.IMPORTS: ScanStatus.UNSAFE,
    ScanReason.COMPUTED: ScanStatus.UNSAFE,
    ScanReason.PATH_LEAVES: ScanStatus.UNSAFE,
    ScanReason.LINK_LEAVES: ScanStatus.UNSAFE,
    ScanReason.DEVICE: ScanStatus.UNSAFE,
    ScanReason.BOMB: ScanStatus.UNSAFE,
    ScanReason.OVERLAP: ScanStatus.UNSAFE,
    ScanReason.TOO_MANY_FILES: ScanStatus.ERROR,
    ScanReason.TOO_DEEP: ScanStatus.ERROR,
    ScanReason.TOO_LARGE: ScanStatus.ERROR,
    ScanReason.ENCRYPTED: ScanStatus.ERROR,
    ScanReason.BROKEN_ARCHIVE: ScanStatus.ERROR,
    ScanReason.BROKEN_PICKLE: ScanStatus.ERROR,
    ScanReason.BROKEN_ARRAY: ScanStatus.ERROR,
    ScanReason.UNREADABLE: ScanStatus.ERROR,
    ScanReason.NOT_INSPECTED: ScanStatus.UNSCANNED,
    ScanReason.TENSORS: ScanStatus.SUSPICIOUS,
    ScanReason.ACTIVE: ScanStatus.SUSPICIOUS,
    ScanReason.WRONG_ENDING: ScanStatus.SUSPICIOUS,
    ScanReason.PROGRAM: ScanStatus.SUSPICIOUS,
    ScanReason.REST: ScanStatus.SUSPICIOUS,
}
