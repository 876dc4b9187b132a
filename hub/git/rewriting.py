"""Rewriting history without some large objects: pointers to them are gone from every commit of every ref."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pygit2
from pygit2.enums import FileMode, ObjectType

from hub.git.lfs_pointer import MAX_POINTER_SIZE, parse_pointer
from hub.git.processes import run_git
from hub.git.refs import RefUpdate, update
from hub.git.repositories import Repository

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Refs that moved, and which new commit stands for which old one (by full id)."""

    moves: list[RefUpdate]
    commits: dict[str, str]


def drop_pointers(repo: Repository, digests: Collection[str]) -> Rewritten:
    """Rewrite every branch, tag and pull request without the pointers to these objects (by sha256).

    Authors, times and messages stay; a commit that only touched such files stays too,
    empty; folders that become empty go. All refs move at once or none. What was
    replaced lies in the repository, unreachable, until it is pruned.
    Raises RefMoved when somebody else moved a ref meanwhile.
    """
    work = _Rewriting(repo, frozenset(digests))
    for oid in _history(repo):
        work.commit(oid)
    moves = []
    for name in repo.references:
        old = repo.references[name].target
        if isinstance(old, pygit2.Oid):
            new = work.target(str(old))
            if new != str(old):
                moves.append(RefUpdate(name, str(old), new))
    if moves:
        update(repo, moves)
    return Rewritten(moves, {old: new for old, new in work.commits.items() if old != new})


def _history(repo: Repository) -> list[str]:
    """All commits of all refs, parents first."""
    return run_git(Path(repo.path), "rev-list", "--all", "--topo-order", "--reverse", timeout=_HOUR).decode().split()


class _Rewriting:
    """What was rewritten so far; equal trees are looked at once."""

    def __init__(self, repo: Repository, digests: frozenset[str]) -> None:
        self.repo = repo
        self.digests = digests
        self.commits: dict[str, str] = {}
        self._trees: dict[str, str | None] = {}
        self._doomed: dict[str, bool] = {}

    def commit(self, oid: str) -> None:
        found = self.repo[oid]
        tree = self._tree(str(found.tree_id)) or str(self.repo.TreeBuilder().write())
        parents = [self.commits[str(parent)] for parent in found.parent_ids]
        if tree == str(found.tree_id) and parents == [str(parent) for parent in found.parent_ids]:
            self.commits[oid] = oid
            return
        self.commits[oid] = str(
            self.repo.create_commit(
                None,
                found.author,
                found.committer,
                found.message,
                pygit2.Oid(hex=tree),
                [pygit2.Oid(hex=parent) for parent in parents],
            )
        )

    def target(self, oid: str) -> str:
        """What a ref that pointed to `oid` points to now; annotated tags are written anew."""
        if oid in self.commits:
            return self.commits[oid]
        found = self.repo[oid]
        if not isinstance(found, pygit2.Tag):
            return oid
        inner = str(found.target)
        new = self.target(inner)
        if new == inner:
            return oid
        kind = ObjectType.TAG if isinstance(self.repo[new], pygit2.Tag) else ObjectType.COMMIT
        return _tag(self.repo, found, new, kind)

    def _tree(self, oid: str) -> str | None:
        """The same folder without pointers to the objects; None when nothing is left of it."""
        if oid in self._trees:
            return self._trees[oid]
        builder = self.repo.TreeBuilder(self.repo[oid])
        for entry in self.repo[oid]:
            if int(entry.filemode) == int(FileMode.TREE):
                new = self._tree(str(entry.id))
                if new is None:
                    builder.remove(entry.name)
                elif new != str(entry.id):
                    builder.insert(entry.name, pygit2.Oid(hex=new), FileMode.TREE)
            elif int(entry.filemode) != int(FileMode.COMMIT) and self._is_doomed(str(entry.id)):
                builder.remove(entry.name)
        self._trees[oid] = str(builder.write()) if len(builder) else None
        return self._trees[oid]

    def _is_doomed(self, oid: str) -> bool:
        if oid not in self._doomed:
            size = self.repo.odb.read_header(pygit2.Oid(hex=oid))[1]
            pointer = parse_pointer(self.repo[oid].data) if size <= MAX_POINTER_SIZE else None
            self._doomed[oid] = pointer is not None and pointer.sha256 in self.digests
        return self._doomed[oid]


def _tag(repo: Repository, tag: pygit2.Tag, target: str, kind: ObjectType) -> str:
    """An annotated tag like `tag` for another object; its ref is moved with all others."""
    tagger = tag.tagger
    lines = [f"object {target}", f"type {'tag' if kind == ObjectType.TAG else 'commit'}", f"tag {tag.name}"]
    if tagger is not None:
        sign = "-" if tagger.offset < 0 else "+"
        zone = f"{sign}{abs(tagger.offset) // 60:02d}{abs(tagger.offset) % 60:02d}"
        lines.append(f"tagger {tagger.name} <{tagger.email}> {tagger.time} {zone}")
    text = "\n".join(lines) + "\n\n" + (tag.message or "")
    return str(repo.odb.write(ObjectType.TAG, text.encode()))
