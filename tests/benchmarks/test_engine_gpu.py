"""The benchmark that waits for a GPU runs from end to end, so that it will on the day when there is one."""

import pytest
import torch

from benchmarks import engine_gpu


def test_its_whole_path_runs_on_a_processor_with_tiny_models(capsys):
    assert engine_gpu.main(["--tiny", "--only", "sd15"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| sd15")]
    assert len(rows) == 3
    assert all(float(row.split("|")[2].split()[0]) > 0 for row in rows)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(capsys):
    assert engine_gpu.main([]) == 0
    assert capsys.readouterr().out == "not run: there is no GPU.\n"
