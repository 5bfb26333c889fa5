"""The manifest of a run: command, configurations, commit, versions, host. Written once per run, for people.

Arguments that look like secrets are left out. Git is called so that it runs no program that a repository names.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from adaptive_calib.store.errors import StoreError
from adaptive_calib.store.identity.evaluation import Evaluation
from adaptive_calib.store.identity.function_digest import module_of
from adaptive_calib.store.rows import Run

__all__ = [
    "gather",
    "git_state",
    "is_running",
    "process_is_gone",
    "refuse_dirty",
    "result_sets_of",
    "state_of",
    "status_of",
]

_PACKAGES = ("adaptive_calib", "numpy", "scipy", "loky", "cloudpickle", "adaptive-triangulation", "distributed")


def gather(evaluations: Sequence[Evaluation], extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the manifest of a run that begins now, as plain data.

    Parameters
    ----------
    evaluations
        Their names, uids, code digests and full configurations are noted, excluded fields too, as texts.
    extra
        More entries.

    Returns
    -------
    dict
        ``command, cwd, python, packages, platform, host, pid, process, git, spaces``, and `extra`; ``process`` tells
        the process from a later one of the same pid, also after a reboot (Linux; None elsewhere).
    """
    unique = {e.uid: e for e in evaluations}
    return {
        "command": without_secrets(sys.argv),
        "cwd": os.getcwd(),
        "python": platform.python_version(),
        "packages": _versions(evaluations),
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "process": _process(os.getpid()),
        "git": git_state(_folder(evaluations)),
        "spaces": {uid: _about(e) for uid, e in unique.items()},
        **({} if extra is None else dict(extra)),
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """Return ``{"commit": ..., "dirty": ...}`` of the checkout that holds `folder`, None if there is none."""
    git = shutil.which("git")
    if git is None:
        return None
    call = [
        git,
        "--no-optional-locks",
        "-C",
        str(folder),
        "-c",
        "core.fsmonitor=false",
        "-c",
        f"core.hooksPath={os.devnull}",
    ]
    # filters of files are programs that a repository names; those of the user's own configuration are trusted
    filters = _output([*call, "config", "--show-scope", "--name-only", "--get-regexp", r"^filter\."]) or ""
    for line in filters.splitlines():
        scope, _, name = line.partition("\t")
        if scope in ("local", "worktree"):
            value = "false" if name.endswith(".required") else ""
            call += ["-c", f"{name}={value}"]
    found = _output(
        [*call, "status", "--porcelain=v2", "--branch", "--untracked-files=no", "--ignore-submodules=dirty"]
    )
    if found is None:
        return None
    lines = found.splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid ")), "")
    return {"commit": commit, "dirty": any(not line.startswith("#") for line in lines)}


def _output(command: list[str]) -> str | None:
    """Return what a command prints, None if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout


def without_secrets(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of a command with ``***`` for values that look like secrets.

    These are the values of options and assignments whose names have a word such as password, token or key in them, and
    passwords in URLs.
    """
    kept: list[str] = []
    hide = False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if hide and not argument.startswith("-"):
            kept.append("***")
        elif equals and _SECRET.search(name):
            kept.append(f"{name}=***")
        else:
            kept.append(_PASSWORD.sub(r"\1***@", argument))
        hide = not equals and argument.startswith("-") and _SECRET.search(argument) is not None
    return kept


_SECRET = re.compile(
    r"(?i)(^|[^a-z])(pass(word|wd|phrase)?|pw|token|secret|auth|bearer|credentials?|(api|access|private|secret)?[_-]?key)"
    r"($|[^a-z])"
)
_PASSWORD = re.compile(r"(://[^/@:\s]*:)[^/@\s]*@")


def refuse_dirty(state: Mapping[str, Any] | None) -> None:
    """Raise unless a `git_state` is that of a checkout whose files are as committed.

    Raises
    ------
    StoreError
        If there is no checkout, or it has changes.
    """
    if state is None:
        raise StoreError(
            "require_clean_git=True: the function is not in a git checkout (or there is no git), so no commit says "
            "what ran. Put it under git, or leave require_clean_git out."
        )
    if state["dirty"]:
        raise StoreError(
            f"require_clean_git=True: files differ from the commit {state['commit'][:12]}, which would not say what "
            "ran. Commit or undo the changes (`git status` shows them), or leave require_clean_git out."
        )


def process_is_gone(manifest: Mapping[str, Any]) -> bool:
    """Whether the process of a run has certainly ended: it ran on this host, where its number is free or another's."""
    pid = manifest.get("pid")
    if manifest.get("host") != socket.gethostname() or not isinstance(pid, int) or os.name != "posix":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return manifest.get("process") not in (None, _process(pid))


def _process(pid: int) -> str | None:
    """Return what tells a process from a later one of the same number; None where the system does not say."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        ticks = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
    return f"{boot}:{ticks}"


def state_of(run: Run) -> dict[str, Any]:
    """Return the last state that a run wrote, as plain data; empty if there is none."""
    state = json.loads(run.manifest).get("state")
    return state if isinstance(state, dict) else {}


def result_sets_of(run: Run) -> dict[str, str]:
    """Return uid -> name of the function for each result set of a run; where none was noted, a part of the uid."""
    noted = json.loads(run.manifest).get("spaces")
    names = noted if isinstance(noted, dict) else dict.fromkeys(map(str, noted if isinstance(noted, list) else ()))
    return {uid: str(about.get("name")) if isinstance(about, dict) else uid[:8] for uid, about in names.items()}


def is_running(run: Run) -> bool:
    """Whether a run goes on, as far as that can be seen from this machine."""
    return run.status == "running" and not process_is_gone(json.loads(run.manifest))


def status_of(run: Run) -> str:
    """Return the status of a run in a word; "killed" if its process is gone without an end."""
    return "killed" if run.status == "running" and not is_running(run) else run.status


def _about(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "name": evaluation.name,
        "version": evaluation.version,
        "code": evaluation.info.code_digest,
        "config": {name: f"{value!r:.500}" for name, value in evaluation.config_items.items()},
    }


def _folder(evaluations: Sequence[Evaluation]) -> Path:
    for evaluation in evaluations:
        file = getattr(module_of(evaluation.function), "__file__", None)
        if file and "site-packages" not in file:
            return Path(file).absolute().parent
    return Path.cwd()


def _versions(evaluations: Sequence[Evaluation]) -> dict[str, str]:
    own = {(getattr(module_of(e.function), "__name__", "") or "").partition(".")[0] for e in evaluations}
    versions = {package: _version(package) for package in (*_PACKAGES, *sorted(own))}
    return {package: version for package, version in versions.items() if version is not None}


@cache
def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except (metadata.PackageNotFoundError, ValueError):
        return None  # not installed, or a script
