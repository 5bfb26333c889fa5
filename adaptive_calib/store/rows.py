"""What a store holds, as plain records: spaces, rows, runs. All stores share them, so they share one format."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

from adaptive_calib.store.identity.canonical import UID_VERSION, canonical_text, digest

__all__ = ["OK", "Key", "Row", "Run", "Scanned", "SpaceInfo", "joined_digests", "single_digests"]

OK = "ok"


class Key(NamedTuple):
    """What one row is found under; `split` and `replicate` are those of a `Replicate`."""

    space: str
    point_uid: str
    split: str = ""
    replicate: int = 0


class Scanned(NamedTuple):
    """What preloading needs of a row; see `Row`."""

    point_uid: str
    split: str
    replicate: int
    status: str
    point: str
    y: str
    y_kind: str
    y_data: bytes | None


class Row(NamedTuple):
    """One evaluation of one point, as it is stored.

    Attributes
    ----------
    status
        ``"ok"``, ``"failed"`` or ``"crashed"``.
    point, y
        Texts of `adaptive_calib.store.codec`; `y` is ``""`` without a result.
    y_kind
        How to read `y`: ``json``, ``pickle``, or ``handler:NAME``.
    y_data
        Bytes that go with `y`: arrays, or the pickle.
    started, duration
        Seconds since the epoch; seconds of the evaluation itself.
    seed
        Root seed of the evaluation as text, ``""`` if it has none.
    """

    space: str
    point_uid: str
    split: str
    replicate: int
    status: str
    point: str
    y: str
    y_kind: str
    y_data: bytes | None
    started: float
    duration: float
    host: str
    pid: int
    seed: str
    attempt: int
    run_id: str
    exc_type: str
    traceback: str
    stdout: str
    stderr: str
    logs: str

    @property
    def key(self) -> Key:
        """What the row is found under."""
        return Key(self.space, self.point_uid, self.split, self.replicate)

    @property
    def has_output(self) -> bool:
        """Whether something that the evaluation wrote is kept with it."""
        return bool(self.stdout or self.stderr or self.logs)

    @property
    def scanned(self) -> Scanned:
        """What preloading needs of it."""
        return Scanned._make(self[1:9])


class Run(NamedTuple):
    """One life of a runner; `manifest` is JSON text."""

    id: str
    started: float
    ended: float | None
    status: str
    reason: str
    manifest: str


@dataclass(frozen=True, slots=True)
class SpaceInfo:
    """The identity of a space.

    Attributes
    ----------
    uid, slug : str
        32 hex characters; a name for folders and displays, never parsed or compared.
    config : dict, str -> str
        Canonical texts of the fields that the uid was made of.
    full_config : dict, str -> str
        Those of all fields that are not excluded; guards against defaults that change.
    code_digest : str
        Of the function's code, and of the methods of the classes in its configuration; see `joined_digests`.
    created : float
        Seconds since the epoch.
    """

    uid: str
    slug: str
    name: str
    version: str
    uid_version: int
    context_key: str | None
    seed: int | None
    config: dict[str, str]
    full_config: dict[str, str]
    code_digest: str
    created: float = 0.0

    @classmethod
    def make(
        cls,
        *,
        name: str,
        version: str,
        context_key: str | None,
        seed: int | None,
        config: dict[str, str],
        full_config: dict[str, str],
        code_digest: str,
        created: float = 0.0,
    ) -> Self:
        """Compute uid and slug."""
        pairs = sorted((canonical_text(k), v) for k, v in config.items())
        parts = {
            "config": f'{{"d":[{",".join(f"[{k},{v}]" for k, v in pairs)}]}}',
            "context_key": canonical_text(context_key),
            "name": canonical_text(name),
            "seed": canonical_text(seed),
            "uid_version": canonical_text(UID_VERSION),
            "version": canonical_text(version),
        }
        uid = digest("{" + ",".join(f"{canonical_text(k)}:{v}" for k, v in sorted(parts.items())) + "}")
        shown = ",".join(f"{k}={plain_text(v)}" for k, v in config.items())
        slug = f"{name},{version}/{shown}"[:95] + f"-{uid}"
        return cls(uid, slug, name, version, UID_VERSION, context_key, seed, config, full_config, code_digest, created)

    def moved(self, **changes: Any) -> SpaceInfo:
        """Return the space with another name, version or configuration, under the uid that belongs to it."""
        new = replace(self, **changes)
        return SpaceInfo.make(
            name=new.name,
            version=new.version,
            context_key=new.context_key,
            seed=new.seed,
            config=new.config,
            full_config=new.full_config,
            code_digest=new.code_digest,
            created=new.created,
        )


def joined_digests(function: str, classes: dict[str, str]) -> str:
    """Return the digest of a function's code and those of classes as one text: ``"FUNCTION CLASS=DIGEST ..."``."""
    return " ".join([function, *(f"{name}={digest}" for name, digest in sorted(classes.items()))])


def single_digests(joined: str) -> dict[str, str]:
    """Return the digests that were joined, that of the function under ``""``; what has no code is left out."""
    function, *classes = joined.split(" ")
    digests = dict(text.rsplit("=", 1) for text in classes)
    return {"": function, **digests} if function else digests


def plain_text(form: str) -> str:
    """Return a canonical text in a form for people; not to be read back."""
    return _shown(json.loads(form))


def _shown(value: Any) -> str:
    if isinstance(value, dict) and len(value) <= 2:
        if "f" in value:
            number = float.fromhex(value["f"])
            return repr(int(number)) if number.is_integer() and abs(number) < 1e16 else repr(number)
        if "i" in value:
            return str(int(value["i"], 16))
        if "l" in value:
            return "[" + ",".join(map(_shown, value["l"])) + "]"
        if "s" in value:
            return "{" + ",".join(map(_shown, value["s"])) + "}"
        if "d" in value:
            return "{" + ",".join(f"{_shown(k)}:{_shown(v)}" for k, v in value["d"]) + "}"
        if "e" in value:
            return ".".join(value["e"])
        if "dc" in value:
            return f"{value['dc']}({','.join(f'{k}={_shown(v)}' for k, v in value['v'].items())})"
        if "nd" in value:
            return f"array{value['nd'][1]}"
    return str(value)
