"""What counts as a build, and what as one program."""

import pytest

from hub.algorithms.agents import family, is_ci


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("transformers/5.2; hf_hub/2.4.0; python/3.11; is_ci/true", True),
        ("unknown/None; hf_hub/2.4.0; origin/ci", True),
        ("unknown/None; hf_hub/2.4.0; origin/cinema", False),
        ("GitLab-Runner 16.1", True),
        ("github-actions/checkout", True),
        ("unknown/None; hf_hub/2.4.0; python/3.11", False),
        ("curl/8.1.0", False),
        ("Mozilla/5.0 (X11)", False),
        ("", False),
    ],
)
def test_builds_say_so(agent, expected):
    assert is_ci(agent) == expected


def test_one_snapshot_is_one_program_whatever_its_parts_are_called():
    parts = [
        "unknown/None; hf_hub/2.4.0; python/3.11.2",
        "transformers/5.2; python/3.11; session_id/ab12; hf_hub/2.4.0; file_type/config",
        "transformers/5.2; python/3.11; session_id/cd34; hf_hub/2.4.0; is_ci/true",
        "hf_xet/1.8.0",
    ]
    assert {family(agent) for agent in parts} == {"hub client"}
    assert family("git/2.39.5") == family("git-lfs/3.3.0 (GitHub; linux amd64; go 1.19)") == "git"
    assert family("curl/8.1.0") == family("curl/7.0") == "curl"
    assert family("Wget/1.21") != family("curl/8.1.0")
    assert family("Mozilla/5.0 (X11) A") != family("Mozilla/5.0 (X11) B")
    assert family("") == ""
