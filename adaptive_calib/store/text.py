"""Text from elsewhere: made fit for a terminal, and for files in UTF-8."""

from __future__ import annotations

__all__ = ["encodable", "printable"]


def printable(text: str, *, lines: bool = False) -> str:
    """Return a text with everything escaped that a terminal might obey; line ends and tabs stay if `lines`."""
    kept = "\n\t" if lines else ""
    return "".join(c if c.isprintable() or c in kept else ascii(c)[1:-1] for c in text)


def encodable(text: str) -> str:
    """Return a text that has an encoding in UTF-8: surrogates, as in names of files that are not UTF-8, are escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
