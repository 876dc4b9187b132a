"""What a client asks of git-upload-pack (gitprotocol-http(5), gitprotocol-v2(5))."""


def wants_all(beginning: bytes) -> bool:
    """Whether the request asks for objects and says of none that it has it already: a clone, no update."""
    return b"want " in beginning and b"have " not in beginning
