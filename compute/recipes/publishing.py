"""Pushes a finished model folder to the hub, as one commit, through the standard client."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from compute.recipes.refusal import Refused


def publish(folder: Path, repo_id: str, *, private: bool, message: str) -> str:
    """The commit's id. Address and token come from HF_ENDPOINT and HF_TOKEN.

    Doing it twice makes no second commit when nothing changed. Raises Refused when the
    hub does not allow it.
    """
    hub = HfApi()
    try:
        hub.create_repo(repo_id, private=private, exist_ok=True)
        return str(hub.upload_folder(repo_id=repo_id, folder_path=folder, commit_message=message).oid)
    except HfHubHTTPError as error:
        raise Refused(
            f"The model could not be pushed to {repo_id} ({error}). Check 'publish.repo_id', and that the "
            f"token in HF_TOKEN may write there. The finished model is in {folder}."
        ) from error
