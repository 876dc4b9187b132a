import subprocess
import sys


def test_the_web_process_and_its_tasks_import_nothing_heavy():
    code = (
        "import sys, config.wsgi; from django.urls import resolve; resolve('/studio'); import inference.tasks; "
        "print(sorted({'torch', 'diffusers', 'transformers', 'safetensors', 'numpy', 'c2pa'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
