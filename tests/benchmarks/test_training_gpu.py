"""The benchmarks of training on a GPU run from end to end, so that they will on the day when there is one."""

import pytest
import torch

from benchmarks import recipes_gpu, training_gpu


def test_the_step_is_measured_in_the_loop_and_bare(capsys):
    assert training_gpu.main(["--tiny", "--batch", "2", "--steps", "2"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| a step")]
    assert len(rows) == 2
    assert all(float(row.split("|")[2].split()[0]) > 0 for row in rows)


def test_a_recipe_is_taken_through_a_few_steps(capsys):
    assert recipes_gpu.main(["--tiny", "--only", "contrastive", "--steps", "2"]) == 0
    row = capsys.readouterr().out.splitlines()[-1].split("|")
    assert row[1].strip() == "contrastive"
    assert float(row[3]) > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("benchmark", [training_gpu, recipes_gpu])
def test_without_a_gpu_they_say_so(benchmark, capsys):
    assert benchmark.main([]) == 0
    assert capsys.readouterr().out == "not run: there is no GPU.\n"
