"""Bytes that were sound once: cut, flipped, doubled, with numbers that are too large."""

from __future__ import annotations

from hypothesis import strategies as st

ODD = (
    b"",
    b"\0",
    b"\xff" * 8,
    b"\x7f" + b"\xff" * 7,
    b"\x80" + b"\0" * 7,
    b"[" * 50,
    b'"',
    b"-1",
    b"1e999",
    b"../../x",
)


@st.composite
def mutated(draw: st.DrawFn, sound: bytes) -> bytes:
    """``sound`` after one to four changes."""
    content = bytearray(sound)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 16))
        new = draw(st.sampled_from(ODD) | st.binary(max_size=16))
        how = draw(st.sampled_from(("replace", "insert", "cut", "flip", "double")))
        if how == "cut":
            del content[at:]
        elif how == "flip" and at < len(content):
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "double":
            content[at:at] = content[at : at + length * 8]
        else:
            content[at : at + (length if how == "replace" else 0)] = new
    return bytes(content)
