"""Options that pages give to dask's workers are accepted by dask's workers."""

from __future__ import annotations

import ast
import shlex

import pytest

from tests.docs.pages import DOCS, blocks, pages

worker = pytest.importorskip("distributed.cli.dask_worker", reason="needs the extra `dask`")


def _options() -> list[tuple[str, list[str]]]:
    """Return each `worker_extra_args` of a page, as the words that dask-jobqueue writes into the script of a job."""
    found = []
    for page in pages():
        for block in blocks(page.read_text(encoding="utf-8")):
            if "worker_extra_args=[" in block.text:
                for node in ast.walk(ast.parse(block.text.replace("...", ""))):
                    if isinstance(node, ast.keyword) and node.arg == "worker_extra_args":
                        words = shlex.split(" ".join(ast.literal_eval(node.value)))
                        found.append((page.relative_to(DOCS).as_posix(), words))
    return found


@pytest.mark.parametrize(("page", "words"), _options())
def test_workers_accept_the_options_of_a_page(page, words):
    """Each option exists, takes the word behind it, and durations can be read."""
    from dask.utils import parse_timedelta

    context = worker.main.make_context("dask worker", ["tcp://127.0.0.1:1", *words])
    assert parse_timedelta(context.params["lifetime"]) > parse_timedelta(context.params["lifetime_stagger"]) > 0


def test_pages_have_such_options():
    """The test above tests something."""
    assert {page for page, _ in _options()} >= {"how-to/slurm_with_dask_jobqueue.md"}


def test_durations_with_a_blank_would_be_found():
    """A blank ends a word in the script of a job."""
    import click

    with pytest.raises(click.UsageError):
        worker.main.make_context("dask worker", shlex.split("tcp://127.0.0.1:1 --lifetime 230 minutes"))
