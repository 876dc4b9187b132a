import pytest

from accounts.algorithms.orcid import normalised


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0000-0002-1825-0097", "0000-0002-1825-0097"),
        ("https://orcid.org/0000-0002-1825-0097", "0000-0002-1825-0097"),
        ("https://orcid.org/0000-0002-1694-233x/", "0000-0002-1694-233X"),
        (" 0000000218250097 ", "0000-0002-1825-0097"),
        ("0000-0002-1825-0098", ""),
        ("0000-0002-1825-009", ""),
        ("0000-0002-1825-00977", ""),
        ("0000-0002-1694-2330", ""),
        ("٠٠٠٠-0002-1825-0097", ""),
        ("", ""),
        ("ada", ""),
    ],
)
def test_only_ids_with_their_check_digit_pass(text, expected):
    assert normalised(text) == expected
