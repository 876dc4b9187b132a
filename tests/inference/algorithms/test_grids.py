import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.algorithms import grids
from inference.algorithms.grids import Axis, BadValues


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("steps", "4, 8,8 ,16", [4, 8, 16]),
        ("guidance", "1\n2.5\n", [1.0, 2.5]),
        ("words", "a red circle, small\na blue circle", ["a red circle, small", "a blue circle"]),
        ("model", "ada/one，ada/two", ["ada/one", "ada/two"]),
    ],
)
def test_values_between_commas_or_one_a_line(name, text, values):
    assert grids.axis_of(name, text) == Axis(name, values)


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("steps", "4,x", "x"),
        ("guidance", "1,nan", "nan"),
        ("seed", "7", ""),
        ("words", "", ""),
        ("steps", "1.5,2", "1.5"),
    ],
)
def test_values_that_are_none(name, text, wrong):
    with pytest.raises(BadValues) as caught:
        grids.axis_of(name, text)
    assert caught.value.args == (wrong,)


@given(
    st.lists(st.integers(0, 99), min_size=2, max_size=12, unique=True),
    st.lists(st.integers(0, 99), min_size=2, max_size=12, unique=True) | st.none(),
)
def test_each_pair_of_values_has_one_cell(columns, rows):
    found = list(grids.cells(Axis("steps", columns), None if rows is None else Axis("seed", rows)))
    assert len({(row, column) for row, column, _changes in found}) == len(found) == len(columns) * len(rows or [0])
    for row, column, changes in found:
        assert changes == {"steps": columns[column]} | ({} if rows is None else {"seed": rows[row]})
