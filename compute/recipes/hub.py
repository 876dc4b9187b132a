"""The hub as any user meets it: HF_ENDPOINT and HF_TOKEN of the environment, the standard client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from httpx2 import HTTPError
from huggingface_hub import HfApi
from huggingface_hub.utils import HFValidationError

from compute.recipes.refusal import Refused


@contextmanager
def told_as_refusal(what: str, advice: str) -> Iterator[None]:
    """Turns the client's errors (no such thing, not allowed, no answer) into Refused."""
    try:
        yield
    except (HTTPError, HFValidationError) as error:
        raise Refused(f"{what}: {error}. {advice}") from error


def publish(folder: Path, repo_id: str, *, private: bool, message: str) -> str:
    """Pushes the whole folder as one commit and returns the commit's id.

    Doing it twice makes no second commit when nothing changed. Raises Refused when the
    hub does not take it, or what is meant to be private would become public.
    """
    advice = (
        "Check 'publish.repo_id', and that the token in HF_TOKEN may write there. "
        f"The finished model is in {folder}; the same command pushes it without training again."
    )
    with told_as_refusal(f"The model could not be pushed to {repo_id}", advice):
        hub = HfApi()
        hub.create_repo(repo_id, private=private, exist_ok=True)
        if private and not hub.model_info(repo_id).private:
            raise Refused(
                f"{repo_id} is public, and 'publish.private' is true: nothing was pushed. Make the repository private, "
                f"or name another one. The finished model is in {folder}."
            )
        return str(hub.upload_folder(repo_id=repo_id, folder_path=folder, commit_message=message).oid)
