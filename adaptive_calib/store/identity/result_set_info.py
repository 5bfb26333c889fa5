"""The identity of a result set, as a store keeps it, and the uid that is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from adaptive_calib.store.identity.canonical import UID_VERSION, canonical_text, digest, plain_text
from adaptive_calib.store.rows import checksum_of

__all__ = ["CONFIG_CLASS", "ResultSetInfo", "joined_digests", "single_digests", "valid_info"]

#: The fact that is the name of the configuration's class, and part of the uid; a mapping has none.
CONFIG_CLASS = "class of the configuration"


@dataclass(frozen=True, slots=True)
class ResultSetInfo:
    """The identity of a result set.

    Attributes
    ----------
    uid, slug : str
        32 hex characters; a name for folders and displays, never parsed or compared.
    config : dict, str -> str
        Canonical texts of the fields that the uid was made of.
    full_config : dict, str -> str
        Those of all fields that are not excluded: guards against defaults that change.
    code_digest : str
        Of the function's code, and of what it depends on; see `joined_digests`.
    created : float
        Seconds since the epoch.
    facts : dict, str -> str
        `adaptive_calib.store.identity.facts` about classes: guards against names that come to mean something else.
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
    facts: dict[str, str] = field(default_factory=dict)

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
        facts: dict[str, str] | None = None,
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
        facts = facts or {}
        if CONFIG_CLASS in facts:
            parts["config_class"] = facts[CONFIG_CLASS]
        uid = digest("{" + ",".join(f"{canonical_text(k)}:{v}" for k, v in sorted(parts.items())) + "}")
        shown = ",".join(f"{k}={plain_text(v)}" for k, v in config.items())
        slug = f"{name},{version}/{shown}"[:95] + f"-{uid}"
        return cls(
            uid, slug, name, version, UID_VERSION, context_key, seed, config, full_config, code_digest, created, facts
        )

    def moved(self, **changes: Any) -> ResultSetInfo:
        """Return the result set with another name, version or configuration, under the uid that belongs to it."""
        new = replace(self, **changes)
        return ResultSetInfo.make(
            name=new.name,
            version=new.version,
            context_key=new.context_key,
            seed=new.seed,
            config=new.config,
            full_config=new.full_config,
            code_digest=new.code_digest,
            created=new.created,
            facts=new.facts,
        )


def joined_digests(function: str, others: dict[str, str]) -> str:
    """Return the digest of a function's code and those of what it depends on: ``"FUNCTION NAME=DIGEST ..."``."""
    return " ".join([function, *(f"{name}={digest}" for name, digest in sorted(others.items()))])


def single_digests(joined: str) -> dict[str, str]:
    """Return the digests that were joined, that of the function under ``""`` if it has code."""
    function, *others = joined.split(" ")
    digests = dict(text.rsplit("=", 1) for text in others if "=" in text)
    return {"": function, **digests} if function else digests


def valid_info(values: Mapping[str, Any]) -> ResultSetInfo:
    """Return the description that some values read from a store make.

    Raises
    ------
    TypeError, ValueError
        If one is missing or of another type than it was written with, or the "checksum" is not theirs.
    """
    found: dict[str, Any] = {each.name: values.get(each.name) for each in fields(ResultSetInfo)}
    info = ResultSetInfo(**found)
    texts = (info.uid, info.slug, info.name, info.version, info.code_digest)
    numbers = (info.uid_version, 0 if info.seed is None else info.seed)
    configs = (info.config, info.full_config, info.facts)
    if not (
        all(isinstance(text, str) for text in texts)
        and all(type(number) is int for number in numbers)
        and (info.context_key is None or isinstance(info.context_key, str))
        and isinstance(info.created, (int, float))
        and all(isinstance(c, dict) and all(isinstance(t, str) for pair in c.items() for t in pair) for c in configs)
    ):
        raise TypeError("a value is of another type than it was written with")
    if checksum_of(found) != values.get("checksum"):
        raise ValueError("its checksum is not the one that was written")
    return info
