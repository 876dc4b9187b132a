"""How to start a recipe once more so that it finds what it left: in a job, that is in the folder of an earlier one."""

import os


def same_command() -> str:
    """The beginning of a sentence: what to start in order to go on."""
    job = os.environ.get("JOB_ID")
    return f"The same command, submitted with the label continues={job}," if job else "The same command"
