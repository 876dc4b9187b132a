"""Libraries that talk while they load."""

from __future__ import annotations

import datasets
import diffusers.utils.logging
import transformers.utils.logging


def quiet_libraries() -> None:
    """The log belongs to the events; bars and hints of the libraries would hide them."""
    datasets.disable_progress_bars()
    for logging in (diffusers.utils.logging, transformers.utils.logging):
        logging.set_verbosity_error()
        logging.disable_progress_bar()
