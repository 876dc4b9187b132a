"""What can go wrong with objects; the texts are fit for a person."""


class StorageError(Exception):
    """Something went wrong with an object."""


class ObjectMissing(StorageError):
    """There is no such object."""


class StoreUnavailable(StorageError):
    """The store of objects cannot be reached or refuses us; nothing was lost, it may be tried again."""


class DigestMismatch(StorageError):
    """The bytes are not those that were announced."""


class TooLarge(StorageError):
    """More bytes than allowed."""


class UploadIncomplete(StorageError):
    """An upload in parts that lacks some; ``missing`` names their numbers."""

    def __init__(self, missing: list[int]) -> None:
        shown = ", ".join(str(number) for number in missing[:20])
        super().__init__(f"parts are missing: {shown}")
        self.missing = missing


class BadSignature(StorageError):
    """A signed link that is forged, altered or too old."""


class XetError(StorageError):
    """A xorb, shard or range that breaks the Xet protocol; nothing was stored."""


class XetMissing(XetError):
    """A xorb or file that is not in the store."""


class RangeBeyondEnd(XetError):
    """A range that starts past the end of a file."""
