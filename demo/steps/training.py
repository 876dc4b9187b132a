"""A training job by the stock client, watched live; then the model it published."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from demo.people import UnexpectedAnswer, wait_for
from demo.world import DATASET, MODEL, World

CONFIG = "shapes-cpu"
IMAGE = "wellspring/recipes"
FLAVOR = "cpu-demo"
HF = str(Path(sys.executable).parent / "hf")


def run_job(world: World) -> tuple[dict[str, Any], str]:
    from huggingface_hub import HfApi  # noqa: PLC0415 - reads HF_ENDPOINT when imported

    world.run(HF, "jobs", "run", "--flavor", FLAVOR, IMAGE, "python", "-c", "print('hello')", token=_token(world))
    api = HfApi(token=_token(world))
    if "job" not in world.state or api.inspect_job(job_id=world.state["job"]).status.stage == "ERROR":
        job = api.run_job(image=IMAGE, command=_command(world), flavor=FLAVOR, timeout="40m", labels={"name": "shapes"})
        world.state.keep(job=job.id)
    job_id = world.state["job"]
    print(f"   live: {world.url}/jobs/researcher/{job_id}", flush=True)
    _follow(api, job_id)
    job = wait_for("the end of the job", lambda: _ended(api.inspect_job(job_id=job_id)), seconds=120)
    if job.status.stage != "COMPLETED":
        raise UnexpectedAnswer(f"The job ended {job.status.stage}: {job.status.message}")
    page = _log_in(world).get(f"/jobs/researcher/{job_id}").text
    if "<svg" not in page:
        raise UnexpectedAnswer("The page of the job shows no chart.")
    ps = world.run(HF, "jobs", "ps", "-a", "-q", token=_token(world))
    if job_id not in ps:
        raise UnexpectedAnswer("`hf jobs ps -a` does not list the job.")
    seconds = (job.finished_at - job.started_at).total_seconds()
    return {"seconds of training": round(seconds), "state": job.status.stage}, f"/jobs/researcher/{job_id}"


def inspect_model(world: World) -> tuple[dict[str, Any], str]:
    from huggingface_hub import HfApi, hf_hub_download  # noqa: PLC0415 - reads HF_ENDPOINT when imported

    api = HfApi(token=_token(world))
    info = api.model_info(MODEL)
    written = json.loads(Path(hf_hub_download(MODEL, "wellspring.json", token=_token(world))).read_text())
    revision = world.state["dataset_commit"]
    if written["datasets"] != [{"id": DATASET, "revision": revision}]:
        raise UnexpectedAnswer(f"The model names {written['datasets']} as its data set.")
    page = wait_for(
        "the version of the model",
        lambda: "proven by a job" in (text := world["researcher"].get(f"/{MODEL}/lineage").text) and text,
    )
    if f"/datasets/{DATASET}" not in page:
        raise UnexpectedAnswer("The lineage page does not lead to the data set.")
    loads = world.run(
        *[sys.executable, "-W", "ignore", "-c"],
        "import sys; from diffusers import DiffusionPipeline; "
        f"pipeline = DiffusionPipeline.from_pretrained({MODEL!r}); print(type(pipeline).__name__)",
        token=_token(world),
    )
    metrics = ", ".join(f"{name} {value:.3g}" for name, value in sorted(written["metrics"].items())[:4])
    figures = {"licence": info.card_data.license, "loads as": loads.split()[-1], "metrics": metrics}
    return figures, f"/{MODEL}"


def _command(world: World) -> list[str]:
    settings = [f"dataset.id={DATASET}", f"publish.repo_id={MODEL}"]
    if world.training_steps:
        settings.append(f"training.steps={world.training_steps}")
    command = ["python", "-m", "compute.recipes.text_to_image", "--config", CONFIG]
    return command + [part for setting in settings for part in ("--set", setting)]


def _follow(api: Any, job_id: str) -> None:
    """Print the live log, thinned out, until the job ends."""
    shown = time.monotonic() - 10
    for line in api.fetch_job_logs(job_id=job_id, follow=True):
        event = _event(line)
        if event.get("event") == "step" and time.monotonic() - shown < 15:
            continue
        if event.get("event") == "step":
            shown = time.monotonic()
            print(f"   step {event['step']:>5}  loss {event['loss']:.4f}  {event['seconds']:.0f} s", flush=True)
        elif event.get("event") in {"sample", "checkpoint"}:
            continue
        elif line.strip():
            print(f"   {line.strip()[:150]}", flush=True)


def _event(line: str) -> dict[str, Any]:
    if not line.lstrip().startswith("{"):
        return {}
    try:
        return json.loads(line)
    except ValueError:
        return {}


def _ended(job: Any) -> Any:
    return job if job.status.stage in {"COMPLETED", "ERROR", "CANCELED", "DELETED"} else None


def _log_in(world: World) -> Any:
    person = world["researcher"]
    if "sessionid" not in person.browser.cookies:
        person.log_in()
    return person


def _token(world: World) -> str:
    return world["researcher"].token
