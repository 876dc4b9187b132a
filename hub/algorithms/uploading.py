"""Which files are large where .gitattributes says nothing."""

# From here on, and also when the first bytes are no text.
LARGE = 10 * 1024 * 1024
SAMPLE = 512


def looks_large(size: int, sample: bytes) -> bool:
    return size > LARGE or is_binary(sample)


def is_binary(sample: bytes) -> bool:
    """A NUL, or bytes that are no UTF-8 (a character cut in two at the end does not count)."""
    if b"\x00" in sample:
        return True
    try:
        sample.decode()
    except UnicodeDecodeError as error:
        return error.start < len(sample) - 3
    return False
