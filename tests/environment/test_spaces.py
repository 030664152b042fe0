"""The space of texts."""

from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.environment.spaces import UnicodeText


@given(st.integers(0, 2**32 - 1), st.integers(0, 200))
def test_samples_are_seeded_texts_of_the_space(seed: int, longest: int) -> None:
    space, again = UnicodeText(longest, seed=seed), UnicodeText(longest, seed=seed)
    sampled = [space.sample() for _ in range(3)]
    assert all(text in space and text.encode() is not None for text in sampled)
    assert sampled == [again.sample() for _ in range(3)]


@given(st.text(max_size=30))
def test_every_text_that_utf_8_holds_is_in_it_up_to_its_length(text: str) -> None:
    assert text in UnicodeText(30)
    assert text + "x" * 31 not in UnicodeText(30)


def test_what_is_no_such_text_is_not() -> None:
    assert "\ud800" not in UnicodeText()
    assert b"text" not in UnicodeText()
    assert UnicodeText(5) == UnicodeText(5) != UnicodeText(6)
