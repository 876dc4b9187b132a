from hypothesis import given
from hypothesis import strategies as st

from compute.algorithms.charts import MOST_POINTS, chart, chart_of, labelled, round_marks, thin_out

numbers = st.floats(-1e6, 1e6)


def test_too_little_gives_no_chart():
    assert chart([]) is None
    assert chart([(1, 1.0)]) is None
    assert chart([(1, float("nan")), (2, 1.0), (3, float("inf"))]) is None


def test_the_line_spans_the_plot():
    drawn = chart([(0, 1.0), (10, 0.0)])
    assert drawn.lines == [f"{drawn.left}.0,{drawn.top}.0 {drawn.right}.0,{drawn.bottom}.0"]
    assert (drawn.last, drawn.lowest, drawn.count) == (0.0, 0.0, 2)
    assert [mark.label for mark in drawn.across] == ["0", "5", "10"]


@given(values=st.lists(st.tuples(numbers, numbers), min_size=2, max_size=700))
def test_every_point_lies_inside(values):
    drawn = chart(values)
    points = [tuple(map(float, pair.split(","))) for pair in drawn.lines[0].split()]
    assert 2 <= len(points) <= MOST_POINTS
    assert all(drawn.left <= x <= drawn.right and drawn.top - 0.1 <= y <= drawn.bottom + 0.1 for x, y in points)
    assert all(drawn.left - 0.1 <= mark.position <= drawn.right + 0.1 for mark in drawn.across)


@given(size=st.integers(2, 2000))
def test_thinning_keeps_the_last_point(size):
    values = [(float(n), float(n)) for n in range(size)]
    kept = thin_out(values)
    assert len(kept) <= MOST_POINTS
    assert kept[-1] == values[-1]
    assert kept == sorted(kept)


def test_marks_are_round():
    assert round_marks(0, 1) == [0, 0.5, 1.0]
    assert round_marks(3, 97) == [50]
    assert round_marks(5, 5) == [5]


def test_labels_tell_marks_apart_and_have_room():
    assert [text for _mark, text in labelled([0, 0.5, 1.0])] == ["0", "0.5", "1"]
    assert [text for _mark, text in labelled([1234570, 1234575])] == ["1234570", "1234575"]
    assert [text for _mark, text in labelled([1e-5, 2e-5])] == ["1e-05", "2e-05"]
    assert [text for _mark, text in labelled([500, 1000, 1500])] == ["500", "1000", "1500"]
    assert labelled([7.0]) == [(7.0, "7")]
    long, short = (chart([(0, low), (1, low + 20)], width=360, height=180) for low in (1234567.0, 1.0))
    assert long.left > short.left
    assert chart([(0, 0.0), (1500, 1.0)]).across[-1].anchor == "end"


@given(low=numbers, span=st.floats(1e-3, 1e6))
def test_labels_differ_where_marks_do(low, span):
    marks = round_marks(low, low + span)
    assert len({text for _mark, text in labelled(marks)}) == len(marks)


def test_several_lines_share_their_axes():
    drawn = chart_of([[(0, 0.0), (10, 1.0)], [], [(5, 2.0)], [(0, 2.0), (20, 0.0)]])
    assert [len(line.split()) for line in drawn.lines] == [2, 0, 1, 2]
    first, last = drawn.lines[0].split(), drawn.lines[3].split()
    assert first[0] == f"{drawn.left}.0,{drawn.bottom}.0"
    assert (last[0], last[-1]) == (f"{drawn.left}.0,{drawn.top}.0", f"{drawn.right}.0,{drawn.bottom}.0")
    assert first[1] == f"{(drawn.left + drawn.right) / 2:.1f},{(drawn.top + drawn.bottom) / 2:.1f}"
    assert (drawn.last, drawn.count) == (1.0, 2)
    assert chart_of([[], [(1, 1.0)]]) is None
