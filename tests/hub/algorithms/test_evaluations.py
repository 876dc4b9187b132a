import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml, parse_eval_result_entries

from hub.algorithms import evaluations

CARD = {
    "model-index": [
        {
            "name": "shapes",
            "results": [
                {
                    "task": {"type": "text-to-image", "name": "Pictures"},
                    "dataset": {"type": "maker/shapes", "name": "Shapes"},
                    "metrics": [
                        {
                            "type": "fid",
                            "value": 12.300000001,
                            "name": "FID",
                            "args": {"seed": 3, "low_95": 0.1, "of": ["a", 1], "none": None},
                        },
                        {"type": "clip", "value": 1, "args": "nonsense"},
                    ],
                    "source": {"name": "Logs", "url": "https://example.org"},
                }
            ],
        }
    ]
}


def test_what_the_client_writes_is_read():
    entry = EvalResultEntry(
        dataset_id="cais/hle", task_id="default", value=20.9, date="2025-01-15", notes="no-tools",
        source_url="https://example.org", source_name="Logs",
    )  # fmt: skip
    text = yaml.safe_dump(eval_result_entries_to_yaml([entry]))
    entries = evaluations.read_file(text, ".eval_results/hle.yaml")
    assert parse_eval_result_entries(entries) == [entry]
    (shown,) = evaluations.results_of({}, entries)
    assert (shown.dataset_id, shown.task, shown.value, shown.source) == ("cais/hle", "default", "20.9", "Logs")


def test_the_older_form_is_read():
    first, second = evaluations.results_of(CARD, [])
    assert (first.dataset, first.dataset_id, first.task, first.metric, first.value) == (
        "Shapes", "maker/shapes", "Pictures", "FID", "12.3",
    )  # fmt: skip
    assert first.arguments == (("seed", "3"), ("low_95", "0.1"), ("of", '["a", 1]'))
    assert (second.metric, second.value, second.arguments) == ("clip", "1", ())


def test_nonsense_is_named_and_does_no_harm():
    assert "error" in evaluations.read_file("a: [", "x.yaml")[0]
    faults = evaluations.read_file("- 1\n- {dataset: {id: a}}\n- {dataset: {id: a, task_id: b}}", "x.yaml")
    assert ["error" in one for one in faults] == [True, True, True]
    for card in ({"model-index": 3}, {"model-index": [{"results": {"a": 1}}, 4]}, {"model-index": [{"results": [{}]}]}):
        assert evaluations.results_of(card, []) == []
    odd = [{"data": {"dataset": {"id": "a", "task_id": "b"}, "value": [1], "source": {"url": "javascript:x"}}}]
    assert evaluations.results_of({}, odd)[0].source_url == ""
