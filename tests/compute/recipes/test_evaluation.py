"""Judging finished models: formulas against closed forms and other computations, and the program as it is run."""

import json
import math
import shutil

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from transformers import CLIPModel, CLIPProcessor

from compute.recipes.configuration import build
from compute.recipes.contrastive.config import Config as ContrastiveConfig
from compute.recipes.contrastive.program import run as train_contrastive
from compute.recipes.evaluation.config import Config
from compute.recipes.evaluation.distances import frechet, gaussian_frechet, kernel_distance, wilson
from compute.recipes.evaluation.encoder import Encoder
from compute.recipes.evaluation.program import run
from compute.recipes.evaluation.results import Measured, as_results, with_results
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from hub.algorithms import cards
from hub.algorithms.evaluations import results_of
from tests.compute.recipes.small import configured, metric

MODEL = "tests/fixtures/shapes-tiny"


def _sets(count=40, rest=50, features=5):
    random = np.random.default_rng(3)
    mixing = random.normal(size=(features, features))
    return random.normal(size=(count, features)) @ mixing, random.normal(0.4, 1.3, size=(rest, features))


def test_frechet_of_gaussians_has_its_closed_forms():
    one, other = np.array([1.0, -2.0]), np.array([0.0, 1.0])
    same = np.diag([2.0, 3.0])
    assert gaussian_frechet(one, same, other, same) == pytest.approx(10.0)  # |m - n|²
    assert gaussian_frechet(one, np.diag([4.0, 9.0]), one, np.diag([1.0, 25.0])) == pytest.approx(
        5.0
    )  # (2-1)² + (3-5)²
    turned = np.array([[0.6, -0.8], [0.8, 0.6]])
    rotated = [turned @ np.diag(values) @ turned.T for values in ([4.0, 9.0], [1.0, 25.0])]
    assert gaussian_frechet(one, rotated[0], one, rotated[1]) == pytest.approx(5.0)
    assert gaussian_frechet(one, np.zeros((2, 2)), one, np.diag([1.0, 25.0])) == pytest.approx(26.0), "a point"


def test_frechet_agrees_with_the_root_of_the_product_by_its_own_eigenvalues():
    one, other = _sets()
    product = np.cov(one, rowvar=False) @ np.cov(other, rowvar=False)  # not symmetric: its root is complex in between
    values, vectors = np.linalg.eig(product)
    root = vectors @ np.diag(np.sqrt(values.astype(complex))) @ np.linalg.inv(vectors)
    assert root @ root == pytest.approx(product)
    traces = np.trace(np.cov(one, rowvar=False)) + np.trace(np.cov(other, rowvar=False)) - 2 * np.trace(root).real
    expected = ((one.mean(0) - other.mean(0)) ** 2).sum() + traces
    assert frechet(one, other) == pytest.approx(expected)
    assert frechet(one, one) == pytest.approx(0.0, abs=1e-9)
    assert frechet(one, other) == pytest.approx(frechet(other, one))


def test_kernel_distance_is_the_mean_over_all_pairs():
    one, other = _sets(7, 9)

    def k(x, y):
        return (sum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1) ** 3

    def within(some):
        pairs = [(i, j) for i in range(len(some)) for j in range(len(some)) if i != j]
        return sum(k(some[i], some[j]) for i, j in pairs) / len(pairs)

    between = sum(k(x, y) for x in one for y in other) / (len(one) * len(other))
    assert kernel_distance(one, other) == pytest.approx(within(one) + within(other) - 2 * between)


def test_kernel_distance_of_equal_distributions_is_zero_on_average():
    random = np.random.default_rng(0)
    found = [kernel_distance(random.normal(size=(20, 3)), random.normal(size=(20, 3))) for _ in range(400)]
    assert abs(np.mean(found)) < 4 * np.std(found) / math.sqrt(len(found))


def test_wilson_is_the_textbook_interval():
    assert wilson(10, 20) == pytest.approx((0.2993, 0.7007), abs=1e-4)
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)


@given(trials=st.integers(1, 300), part=st.floats(0, 1))
def test_the_ends_of_the_interval_are_where_the_score_test_turns(trials, part):
    successes = round(part * trials)
    share = successes / trials
    for end in wilson(successes, trials):
        if 1e-9 < end < 1 - 1e-9:
            assert abs(share - end) == pytest.approx(1.959964 * math.sqrt(end * (1 - end) / trials), rel=1e-5, abs=1e-9)


@pytest.fixture(scope="module")
def encoder(shapes_folder, tmp_path_factory):
    """A small CLIP that saw a few batches."""
    config = configured(
        ContrastiveConfig,
        shapes_folder,
        tmp_path_factory.mktemp("encoder"),
        dataset={"caption_column": "caption"},
        model={"width": 32, "layers": 2, "heads": 2, "text_width": 32, "space": 16, "patch": 8},
        training={"steps": 60, "batch": 24, "learning_rate": 3e-3},
    )
    return train_contrastive(config), config


def test_a_contrastive_encoder_learns_and_loads_in_the_stock_class(encoder, shapes_folder):
    folder, config = encoder
    before, after = metric(config.folder, "caption_accuracy")
    assert after > before + 0.1
    model, processor = CLIPModel.from_pretrained(folder), CLIPProcessor.from_pretrained(folder)
    pictures = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    texts = ["a red square on a black background", "a blue circle on a white background"]
    inputs = processor(text=texts, images=pictures, padding="max_length", max_length=16, return_tensors="pt")
    with torch.no_grad():
        scores = model(**inputs).logits_per_image
    ours = Encoder(folder, torch.device("cpu")).alignment(pictures, texts)
    cosines = (scores.diagonal() * config.training.temperature).clamp(min=0)
    assert ours == pytest.approx(100 * float(cosines.mean()), rel=1e-4)


def _config(shapes_folder, output, **changes):
    plain = {
        "seed": 2,
        "output": str(output),
        "model": {"id": MODEL},
        "dataset": {"path": str(shapes_folder), "caption_column": "caption"},
        "metrics": ["fid", "kid", "alignment", "prompt_accuracy", "speed"],
        "drawing": {"pictures": 8, "prompts": 4, "steps": 2, "guidance": 2.0, "together": 4},
        "threads": 1,
        "device": "cpu",
    }
    return build(Config, plain | changes)


def test_a_model_is_judged_in_all_ways(encoder, shapes_folder, tmp_path):
    folder, _ = encoder
    facts = [
        json.loads(run(_config(shapes_folder, tmp_path / name, encoder={"id": str(folder)})).read_text())
        for name in ("once", "again")
    ]
    results = [{one["metric"]: one for one in each["results"]} for each in facts]
    assert set(results[0]) == {
        *("fid", "kid", "alignment", "prompt_accuracy"),
        *("pictures_per_second", "steps_per_second", "seconds_to_first_picture", "memory_mib"),
    }
    for name in ("fid", "kid", "alignment", "prompt_accuracy"):
        assert results[0][name] == results[1][name], "the same seed, the same numbers"
    fid = results[0]["fid"]
    assert fid["features"] == folder.name
    assert len(fid["revision"]) == 64, "of the data set's content"
    assert fid["seed"] == 2
    assert min(fid["value"], fid["halves_of_reference"]) > 0
    accuracy = results[0]["prompt_accuracy"]
    assert accuracy["low_95"] <= accuracy["value"] <= accuracy["high_95"]
    assert results[0]["pictures_per_second"]["value"] > 0
    assert str(tmp_path) not in json.dumps(facts[0])
    assert (tmp_path / "once" / "samples" / "captions.png").exists()


def test_results_stand_on_the_card_as_the_hub_reads_them():
    data, encoder = Source("ada/shapes", "a" * 40), Source("ada/clip", "b" * 40)
    first = [Measured("fid", 3.25, data, {"seed": 1}), Measured("kid", -0.5, data, {})]
    second = [Measured("fid", 2.5, data, {"seed": 2, "features": "ada/clip"})]
    card = "---\nlicense: mit\ntags: [x]\n---\n# A model\n"
    for measured in (first, second):
        card = with_results(card, as_results(measured, encoder=encoder), name="model")
    shown = results_of(cards.parse(card).metadata, [])
    assert [(one.dataset_id, one.value) for one in shown] == [("ada/shapes", "-0.5"), ("ada/shapes", "2.5")]
    assert shown[1].metric == "Fréchet distance of pictures, features of ada/clip at bbbbbbbbbbbb, not of Inception"
    page = ModelCard(card)
    assert (page.data.license, page.text.strip()) == ("mit", "# A model")
    (fid,) = [one for one in page.data.eval_results if one.metric_type == "fid"]
    assert fid.dataset_revision == "a" * 40
    assert fid.metric_args == {"recipe": "evaluation 1", "seed": 2, "features": "ada/clip"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder": {"id": ""}}, r"Set 'encoder.id'"),
        ({"encoder": {"id": MODEL}}, "is no CLIPModel"),
        ({"model": {"id": "tests/fixtures"}, "metrics": ["speed"]}, "No pipeline was found"),
        ({"metrics": []}, "Set 'metrics'"),
        ({"publish": True}, "A folder has no card"),
        ({"drawing": {"pictures": 2}}, "at least 8"),
        ({"dataset": {"path": "x"}}, "caption_column"),
    ],
)
def test_what_cannot_be_judged_is_refused(shapes_folder, tmp_path, changes, message):
    with pytest.raises(Refused, match=message):
        run(_config(shapes_folder, tmp_path, **{"drawing": {"pictures": 8, "steps": 1}, **changes}))


def test_a_scheduler_that_cannot_draw_in_one_step_is_told(shapes_folder, tmp_path):
    folder = shutil.copytree(MODEL, tmp_path / "student")
    file = folder / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"shift_terminal": 0.1}))
    drawing = {"prompts": 1, "steps": 1}
    with pytest.raises(Refused, match="cannot draw in one step"):
        run(_config(shapes_folder, tmp_path, model={"id": str(folder)}, metrics=["speed"], drawing=drawing))
