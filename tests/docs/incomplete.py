"""Public names whose docstring is not complete yet; only to be shortened. See `test_doctests`."""

from __future__ import annotations

#: No Examples section with code that runs.
WITHOUT_EXAMPLE: frozenset[str] = frozenset({})

#: An argument is not named in the docstring.
WITHOUT_SECTIONS: frozenset[str] = frozenset({})

#: An error that the function raises by itself is not named in the docstring.
WITHOUT_RAISES: frozenset[str] = frozenset({})
