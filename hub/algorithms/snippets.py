"""How to use a repository from a program: text that works when pasted."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Snippet:
    """`label` is the name of the tool, `code` what to paste."""

    label: str
    code: str


def snippets_of(kind: str, full_name: str, *, library: str, endpoint: str) -> list[Snippet]:
    """The most fitting first. All begin by naming this hub as the endpoint."""
    here = f"export HF_ENDPOINT={endpoint}\n"
    flag = {"model": "", "dataset": " --repo-type dataset", "space": " --repo-type space"}.get(kind, "")
    prefix = {"model": "", "dataset": "datasets/", "space": "spaces/"}.get(kind, "")
    found = []
    if kind == "dataset":
        found.append(
            Snippet(
                "datasets",
                here + f"python -c 'from datasets import load_dataset; print(load_dataset(\"{full_name}\"))'",
            )
        )
    elif library == "diffusers":
        found.append(
            Snippet(
                "diffusers",
                here
                + "python - <<'EOF'\nfrom diffusers import DiffusionPipeline\n"
                + f'pipeline = DiffusionPipeline.from_pretrained("{full_name}")\n'
                + 'pipeline("a red circle on a white background").images[0].save("picture.png")\nEOF',
            )
        )
    elif library == "transformers":
        found.append(
            Snippet(
                "transformers",
                here
                + f"python -c 'from transformers import AutoModel; print(AutoModel.from_pretrained(\"{full_name}\"))'",
            )
        )
    found.append(Snippet("hf", here + f"hf download {full_name}{flag}"))
    found.append(Snippet("git", f"git clone {endpoint}/{prefix}{full_name}"))
    return found
