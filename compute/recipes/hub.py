"""The hub as any user meets it: HF_ENDPOINT and HF_TOKEN of the environment, the standard client."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from httpx2 import HTTPError
from huggingface_hub import CommitOperationAdd, HfApi, ModelCard
from huggingface_hub.utils import EntryNotFoundError, HfHubHTTPError, HFValidationError, RepositoryNotFoundError

from compute.recipes.again import same_command
from compute.recipes.refusal import Refused

MOVED = (409, 412)  # what a hub answers when the branch is no longer where the commit begins
TRIES = 5


@contextmanager
def told_as_refusal(what: str, advice: str) -> Iterator[None]:
    """Turns the client's errors (no such thing, not allowed, no answer) into Refused."""
    try:
        yield
    except (HTTPError, HFValidationError) as error:
        raise Refused(f"{what}: {error}. {advice}") from error


def require_target(repo_id: str, *, private: bool) -> None:
    """Makes the repository now, so that nothing is trained that could not be pushed at the end. Raises Refused."""
    advice = "Check 'publish.repo_id', and that the token in HF_TOKEN may write there. Nothing was trained."
    with told_as_refusal(f"The model could not be pushed to {repo_id}", advice):
        hub = HfApi()
        hub.create_repo(repo_id, private=private, exist_ok=True)
        _require_private(hub, repo_id, private)
        _ask_to_write(hub, repo_id)


def require_writable(repo_id: str) -> None:
    """Raises Refused where a card could not be changed at the end."""
    advice = "Check that the token in HF_TOKEN may write there, or set 'publish: false'. Nothing was measured."
    with told_as_refusal(f"The results could not be written on the card of {repo_id}", advice):
        _ask_to_write(HfApi(), repo_id)


def publish(folder: Path, repo_id: str, *, private: bool, message: str) -> str:
    """Pushes the whole folder as one commit and returns the commit's id.

    Weights of an earlier push that these take the place of go in the same commit, whatever else is there stays.
    Doing it twice makes no second commit when nothing changed. Raises Refused when the
    hub does not take it, or what is meant to be private would become public.
    """
    kept = f"The finished model is in {folder}. {same_command()} pushes it without training again."
    advice = f"Check 'publish.repo_id', and that the token in HF_TOKEN may write there. {kept}"
    with told_as_refusal(f"The model could not be pushed to {repo_id}", advice):
        hub = HfApi()
        hub.create_repo(repo_id, private=private, exist_ok=True)
        _require_private(hub, repo_id, private, f" {kept}")
        pushed = hub.upload_folder(
            repo_id=repo_id, folder_path=folder, commit_message=message, delete_patterns=_replaced_by(folder)
        )
        return str(pushed.oid)


def change_card(repo_id: str, change: Callable[[str], str], *, message: str) -> str:
    """One commit that changes the card by `change` and nothing else; returns the commit's id.

    Where somebody changed the repository meanwhile, `change` is asked anew about what they wrote. Raises Refused
    when that happens TRIES times in a row, and the client's errors.
    """
    hub = HfApi()
    for _try in range(TRIES):
        head = hub.model_info(repo_id).sha
        text = change(_card(hub, repo_id, head))
        try:
            made = hub.upload_file(
                path_or_fileobj=text.encode(),
                path_in_repo="README.md",
                repo_id=repo_id,
                commit_message=message,
                parent_commit=head,
            )
        except HfHubHTTPError as error:
            if error.response.status_code not in MOVED:
                raise
        else:
            return str(made.oid)
    raise Refused(f"The card of {repo_id} was changed by others {TRIES} times meanwhile. Try again later.")


def is_private(repo_id: str, kind: str = "model") -> bool:
    """Whether it is there and only some may see it. Raises Refused when the hub gives no answer."""
    with told_as_refusal(f"{repo_id} cannot be read", "Try the same command again."):
        try:
            return bool(HfApi().repo_info(repo_id, repo_type=kind).private)
        except RepositoryNotFoundError:
            return False


def _ask_to_write(hub: HfApi, repo_id: str) -> None:
    """Asks how a file would be uploaded, and uploads nothing: only who may write gets an answer."""
    hub.preupload_lfs_files(repo_id, [CommitOperationAdd("README.md", b"-")])


def _require_private(hub: HfApi, repo_id: str, private: bool, where: str = "") -> None:
    if private and not hub.model_info(repo_id).private:
        raise Refused(
            f"{repo_id} is public, and 'publish.private' is true: nothing was pushed. Make the repository private, "
            f"or name another one.{where}"
        )


def _card(hub: HfApi, repo_id: str, revision: str | None) -> str:
    try:
        return str(ModelCard.load(hub.hf_hub_download(repo_id, "README.md", revision=revision)).content)
    except EntryNotFoundError:
        return "---\n{}\n---\n"


def _replaced_by(folder: Path) -> list[str]:
    """Patterns of all files in which the folder's weights may have been before: one, or any number of shards."""
    digits = "[0-9]" * 5
    stems = {
        re.sub(r"-\d{5}-of-\d{5}$", "", file.relative_to(folder).with_suffix("").as_posix())
        for file in folder.rglob("*.safetensors")
    }
    endings = (".safetensors", ".safetensors.index.json", f"-{digits}-of-{digits}.safetensors")
    return [escape(stem) + ending for stem in sorted(stems) for ending in endings]
