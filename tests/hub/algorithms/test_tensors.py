from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from hub.algorithms import tensors
from hub.algorithms.tensors import Tensor

NAMES = [
    "model.embed_tokens.weight",
    *(f"model.layers.{layer}.{part}.weight" for layer in (0, 1, 2, 10) for part in ("mlp", "attn.q")),
    "lm_head",
]
SOME = [Tensor(name, "BF16" if "mlp" in name else "F32", (2, 3)) for name in NAMES]


def names(found):
    return [one.name for one in found]


def test_names_are_folded_step_by_step():
    top = tensors.level(SOME)
    assert (names(top.folds), names(top.tensors)) == (["model."], ["lm_head"])
    assert (top.folds[0].tensors, top.folds[0].parameters) == (9, 54)

    layers = tensors.level(SOME, "model.layers.")
    assert names(layers.folds) == [f"model.layers.{layer}." for layer in (0, 1, 2, 10)]
    one = tensors.level(SOME, "model.layers.10.")
    assert (one.folds, names(one.tensors)) == ([], ["model.layers.10.attn.q.weight", "model.layers.10.mlp.weight"])
    assert tensors.steps_to(one.prefix) == [
        ("model", "model."),
        ("layers", "model.layers."),
        ("10", "model.layers.10."),
    ]


def test_a_step_without_a_choice_is_taken_at_once():
    inside = tensors.level(SOME, "model.layers.1.attn.")
    assert (inside.prefix, names(inside.tensors)) == ("model.layers.1.attn.q.", ["model.layers.1.attn.q.weight"])
    assert tensors.level(SOME, "nothing.") == tensors.Level("nothing.", [], [])


def test_words_and_types_filter():
    assert names(tensors.matching(SOME, "Layers Q"))[-1] == "model.layers.10.attn.q.weight"
    assert len(tensors.matching(SOME, "bf16")) == 4
    assert tensors.matching(SOME, "q bf16") == []


def test_types_are_added_up():
    assert [(one.name, one.tensors, one.parameters) for one in tensors.totals(SOME)] == [
        ("F32", 6, 36),
        ("BF16", 4, 24),
    ]


# Every short name, dots at the ends and in a row among them.
SHORT = ["".join(letters) for length in range(5) for letters in product("a1.", repeat=length)]


@given(st.lists(st.sampled_from(SHORT), unique=True, max_size=20))
def test_folding_loses_and_invents_nothing(found):
    """Whoever opens every fold sees each tensor once."""
    some = [Tensor(name, "F32", (2,)) for name in found]

    def opened(prefix):
        level = tensors.level(some, prefix)
        inside = [name for fold in level.folds for name in opened(fold.name)]
        assert sum(fold.tensors for fold in level.folds) == len(inside)
        return inside + names(level.tensors)

    assert sorted(opened("")) == sorted(found)
