"""Options that pages give to dask's workers and to our commands are accepted by them."""

from __future__ import annotations

import ast
import re
import shlex

import pytest

from adaptive_calib import _command_line
from adaptive_calib.store import __main__ as store_command
from tests.docs.pages import DOCS, ROOT, blocks, pages


@pytest.fixture
def worker():
    return pytest.importorskip("distributed.cli.dask_worker", reason="needs the extra `dask`")


def _commands() -> list[str]:
    """Return what pages print behind the names of our commands, without comments."""
    texts = [page.read_text(encoding="utf-8") for page in [*pages(), ROOT / "README.md"]]
    found = re.findall(r"\b(adaptive-calib|-m adaptive_calib\.store) ([\w./ ][^`|\n]*)", "\n".join(texts))
    return sorted({f"{name} {words.partition('#')[0].strip()}" for name, words in found})


@pytest.mark.parametrize("command", _commands())
def test_our_commands_take_the_words_of_a_page(command):
    """Each option exists; the names of stores need not be there."""
    name, *words = shlex.split(command.removeprefix("-m "))
    parser = _command_line._parser() if name == "adaptive-calib" else store_command._parser()
    if words[0] in store_command.COMMANDS:  # `adaptive-calib list FILE`
        words, parser = [*words[1:2], words[0], *words[2:]], store_command._parser()
    parser.parse_args(words if len(words) > 1 or name != "adaptive-calib" else [*words, "FILE"])


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
def test_workers_accept_the_options_of_a_page(worker, page, words):
    """Each option exists, takes the word behind it, and durations can be read."""
    from dask.utils import parse_timedelta

    context = worker.main.make_context("dask worker", ["tcp://127.0.0.1:1", *words])
    assert parse_timedelta(context.params["lifetime"]) > parse_timedelta(context.params["lifetime_stagger"]) > 0


def test_pages_have_such_options():
    """The test above tests something."""
    assert {page for page, _ in _options()} >= {"how-to/slurm_with_dask_jobqueue.md"}


def test_durations_with_a_blank_would_be_found(worker):
    """A blank ends a word in the script of a job."""
    import click

    with pytest.raises(click.UsageError):
        worker.main.make_context("dask worker", shlex.split("tcp://127.0.0.1:1 --lifetime 230 minutes"))
