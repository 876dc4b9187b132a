"""Identifiers that sort by creation and can be guessed by nobody."""

import secrets
import time


def hex_id() -> str:
    """24 hexadecimal digits: 8 for the second, 16 random. The form Hub clients expect of ids."""
    return f"{int(time.time()):08x}{secrets.token_hex(8)}"
