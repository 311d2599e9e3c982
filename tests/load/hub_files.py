"""Datasets on the loopback Hub, put there without a push."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..loopback.hub_store import File, NotFound, Store, lfs_file

ULTRACHAT = "openbmb/UltraChat"


def put_dataset(
    folder: Path,
    name: str,
    files: Mapping[str, bytes],
    *,
    ref: str = "main",
    private: bool = False,
    plain: Sequence[str] = (),
) -> str:
    """Commits files to a dataset's repository, made if it is not there; gives the commit.

    Args:
        folder: where the Hub keeps its repositories.
        name: `owner/name`.
        files: by path; they replace what is there.
        ref: the branch.
        private: of a new repository.
        plain: endings of files that are no LFS files, beside README.md.
    """
    store = Store(folder)
    owner = name.split("/", maxsplit=1)[0]
    try:
        repository = store.repository("datasets", name)
    except NotFound:
        repository = store.create("datasets", name, private=private, author=owner)
    tree: dict[str, File] = {}
    for path, data in files.items():
        if path.endswith(("README.md", *plain)):
            tree[path] = store.put(data)
            continue
        oid = sha256(data).hexdigest()
        store.blob(oid).write_bytes(data)
        tree[path] = lfs_file(oid, len(data))
    return repository.commit(ref, tree, title="files", author=owner)


def dialogues(first: int, count: int) -> list[dict[str, Any]]:
    """Rows of UltraChat's layout, all different."""
    return [
        {
            "id": str(number),
            "data": [
                f"How do I keep plant number {number} alive over the winter?",
                "Give it the brightest window that you have, and water it only when the soil "
                f"feels dry to the touch. Turn it every {number} days, so that it grows straight.",
                "Is tap water all right?",
                "Yes, if it has stood for a few hours before you use it.",
            ],
        }
        for number in range(first, first + count)
    ]


def lines(rows: Sequence[Any]) -> bytes:
    """Rows as a file of lines."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def ultrachat(count: int = 4) -> dict[str, bytes]:
    """The ten files of UltraChat, with so many rows each, and one that is none of them."""
    files = {f"train_{n}.jsonl": lines(dialogues(n * count, count)) for n in range(10)}
    return {"README.md": b"# UltraChat\n", "more/rows.jsonl": lines(dialogues(900, 5)), **files}
