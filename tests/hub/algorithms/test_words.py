from hypothesis import given
from hypothesis import strategies as st

from hub.algorithms import words

LETTERS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=4, max_size=20)
NAMES = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789._-/", min_size=1, max_size=60)


def test_words_are_runs_of_letters_and_runs_of_digits():
    assert words.split("Llama3.2-Instruct_v1").spaced == ("llama", "3", "2", "instruct", "v", "1")
    assert words.split("Café ＡＢＣ").spaced == ("café", "abc")


def test_chinese_has_no_spaces_and_becomes_pairs():
    found = words.split("Stable扩散模型 v2")
    assert (found.spaced, found.runs) == (("stable", "v", "2"), ("扩散模型",))
    assert words.pairs("扩散模型") == ["扩散", "散模", "模型", "型"]
    assert words.indexed_pairs(("扩散",), "A") == "'扩散':1A '散':2A"
    assert words.asked_pairs(("扩散模型",)) == "'扩散' & '散模' & '模型'"
    assert words.asked_pairs(("猫",)) == "'猫':*"


def test_bounds_hold_for_long_texts():
    found = words.split("word " * 10_000 + "扩" * 10_000)
    assert len(found.spaced) == words.MAX_WORDS
    assert len(words.split("x" * 10_000).spaced[0]) == words.MAX_LETTERS
    assert len(words.indexed_pairs(("扩散" * 1000,), "A").split()) == words.MAX_WORDS


@given(st.text(max_size=200))
def test_nothing_that_people_type_breaks_it(text):
    found = words.split(text)
    words.name_fragments(text)
    assert "\x00" not in "".join(found.spaced + found.runs)
    assert "'" not in "".join(found.spaced + found.runs)
    "".join(found.spaced + found.runs).encode()


@given(st.text(max_size=40), st.text(max_size=40))
def test_similarity_is_symmetric_and_between_0_and_1(one, other):
    assert words.similarity(one, other) == words.similarity(other, one)
    assert 0 <= words.similarity(one, other) <= 1


@given(LETTERS)
def test_a_word_is_wholly_similar_to_itself(word):
    assert words.similarity(word, word) == 1


@given(NAMES, st.data())
def test_every_part_of_a_name_shares_its_fragments(name, data):
    start = data.draw(st.integers(0, len(name) - 1))
    part = name[start : data.draw(st.integers(start, len(name)))]
    assert set(words.part_fragments(part)) <= set(words.name_fragments(name))


@given(LETTERS, st.data())
def test_one_slip_leaves_a_fragment_in_common(word, data):
    place = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
    slips = {
        word[:place] + letter + word[place:],
        word[:place] + letter + word[place + 1 :],
        word[:place] + word[place + 1 :],
        word[:place] + word[place + 1 : place + 2] + word[place : place + 1] + word[place + 2 :],
    }
    own = set(words.misspelling_fragments(word))
    for slip in slips:
        if len(slip) >= words.MIN_LETTERS:
            assert own & set(words.misspelling_fragments(slip)), slip


def test_fragments_fit_into_an_integer_of_the_database():
    assert all(-(2**31) <= number < 2**31 for number in words.name_fragments("ada/" + "name-" * 18))


def test_a_misspelt_word_is_corrected_by_a_known_one():
    known = {"diffusion", "transformer", "lama"}
    assert words.corrected("difusion", known) == "diffusion"
    assert words.corrected("diffusion", known) == "diffusion"
    assert words.corrected("tranfsormer", known) == "transformer"
    assert words.corrected("whisper", known) == "whisper"
    assert words.corrected("lma", known) == "lma"
