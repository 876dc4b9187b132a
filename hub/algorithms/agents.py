"""What a User-Agent tells about the program that asks."""

import re

# `is_ci/true` is how transformers and diffusers say it, `origin/ci` whoever sets HF_HUB_USER_AGENT_ORIGIN=ci for
# the stock client; the others name a service or a runner.
_CI = re.compile(
    r"is_ci/true|\borigin/ci\b|github-actions|gitlab-runner|\btravis|circleci|\bjenkins|azure-pipelines|vsts-agent|buildkite|teamcity"
    r"|codebuild|\bdrone\b|woodpecker|bitbucket-pipelines|appveyor",
    re.IGNORECASE,
)
_HUB_CLIENT = re.compile(r"hf_hub/|hf_xet|xet-core|huggingface_hub|huggingface\.js", re.IGNORECASE)
_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9_.+ -]*")


def is_ci(agent: str) -> bool:
    """Whether the program says that it runs in continuous integration."""
    return _CI.search(agent) is not None


def family(agent: str) -> str:
    """What counts as one program. One snapshot is fetched under several names, with numbers of versions and of
    the session in them: those are left out. Browsers of one network are told apart by all they say."""
    if _HUB_CLIENT.search(agent):
        return "hub client"
    if agent.startswith("Mozilla/"):
        return agent
    product = _PRODUCT.match(agent)
    name = product[0].strip().lower() if product else ""
    return "git" if name == "git-lfs" else name
