"""That the texts are programs and carry every parameter; tests/inference/test_live.py runs them."""

import ast
import json

import pytest

from inference.algorithms import calls

PARAMETERS = {
    "model": "ada/tiny",
    "prompt": 'it\'s "red"\nand {wide} \\ 红',
    "negative_prompt": "'; rm -rf",
    "seed": 7,
    "steps": 4,
    "guidance": 2.5,
    "width": 16,
    "height": 32,
    "count": 2,
    "step_reuse": "strong",
}


@pytest.mark.parametrize("without_seed", [False, True])
def test_the_python_texts_say_every_parameter(without_seed):
    parameters = {name: value for name, value in PARAMETERS.items() if not (without_seed and name == "seed")}
    for text in (calls.openai(parameters, site="http://hub"), calls.hub(parameters, site="http://hub")):
        constants = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
        for name, value in parameters.items():
            beside = "ada/tiny" if name == "model" else value
            assert any(beside in {found, str(found)} or str(beside) in str(found) for found in constants), name
        assert ("seed" in text) is not without_seed


def test_curl_quotes_for_the_shell_and_javascript_as_json():
    body = calls.curl(PARAMETERS, site="http://hub").split("-d '", 1)[1].removesuffix("'").replace("'\\''", "'")
    assert json.loads(body) == PARAMETERS
    text = calls.javascript(PARAMETERS, site="http://hub")
    assert json.loads(text.split("JSON.stringify(", 1)[1].split(");\nlet", 1)[0]) == PARAMETERS
