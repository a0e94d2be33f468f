"""Texts for the quality rules: odd blanks, line ends, punctuation and scripts."""

from __future__ import annotations

from hypothesis import strategies as st

ALPHABET = "aB1# \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2003\u2028\u2029\u202f\u205f\u3000\u200b.…!?。！•-—*“”é好한٣²😀\U000f0000\0"
INTERESTING = [
    "...",
    "\r\n",
    "\n\n",
    "the ",
    "of ",
    "a b ",
    " - ",
    "• ",
    "\n- ",
    "...\n",
    "… \n",
    "##",
    "好 ",
    "b1 ",
    "a line.\n",
    " \u3000\n",
]

texts = st.lists(
    st.text(alphabet=ALPHABET, max_size=60)
    | st.lists(st.sampled_from([*INTERESTING, *ALPHABET]), max_size=60).map("".join)
    | st.text(max_size=30),
    min_size=1,
    max_size=6,
)


def lines_of(alphabet: str) -> st.SearchStrategy[str]:
    """Texts over a few characters, so that pieces repeat."""
    return st.text(alphabet=alphabet, max_size=80)
