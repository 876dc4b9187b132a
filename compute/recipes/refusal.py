"""The error that a person can act on."""

from __future__ import annotations


class Refused(Exception):
    """The program will not go on. The message says why and what to do next."""
