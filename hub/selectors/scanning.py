"""What inspections found, for files as they are listed."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Case, Exists, Func, OuterRef, TextField, Value, When
from django.db.models.functions import Coalesce, Left, Lower

from hub.algorithms.scanning import RULES, ending_of
from hub.enums import SCAN_ORDER, ScanReason, ScanStatus
from hub.models import Branch, ScanResult
from hub.selectors.revisions import File, Revision, files_at, of_row

# What is asked for by name; of thousands of files the rest is asked for in further queries.
_BATCH = 5000
# Whoever fetches these with a browser confirms it, programs get a warning.
WARNED_OF = frozenset({ScanStatus.UNSAFE, ScanStatus.ERROR})


def results_of(files: Iterable[File]) -> dict[str, ScanResult]:
    """The verdicts of today's rules by path; files that nobody looked at yet are left out."""
    wanted = {file.path: (file.etag, ending_of(file.path)) for file in files if not file.is_folder}
    contents = sorted({content for content, _ending in wanted.values()})
    found: dict[tuple[str, str], ScanResult] = {}
    for first in range(0, len(contents), _BATCH):
        rows = ScanResult.objects.filter(content__in=contents[first : first + _BATCH], rules=RULES)
        found |= {(row.content, row.ending): row for row in rows}
    return {path: found[key] for path, key in wanted.items() if key in found}


def unseen_at(branch: Branch) -> list[File]:
    """Files at its head that today's rules have not seen: of ten thousand, those of the last commit.

    The database knows small letters of ASCII only, so a few are listed in vain: `results_of` is exact.
    """
    ending = Func(Lower("name"), Value(r"\.([^.]*)$"), function="substring", output_field=TextField())
    rows = branch.entries.filter(is_folder=False).annotate(
        content=Case(When(lfs_sha256="", then="oid"), default="lfs_sha256"),
        ending=Left(Coalesce(ending, Value("")), 16),
    )
    seen = ScanResult.objects.filter(content=OuterRef("content"), ending=OuterRef("ending"), rules=RULES)
    return [of_row(row) for row in rows.filter(~Exists(seen)).order_by("path")]


def result_of(file: File) -> ScanResult | None:
    return results_of([file]).get(file.path)


def is_warned_of(result: ScanResult | None) -> bool:
    return result is not None and result.status in WARNED_OF


def words_of(result: ScanResult) -> list[str]:
    """Why, in the reader's language."""
    return [
        f"{ScanReason(code).label} ({detail})" if detail else str(ScanReason(code).label)
        for code, detail in result.reasons
    ]


def file_status(result: ScanResult | None) -> dict[str, Any]:
    """`securityFileStatus` of the protocol."""
    if result is None:
        return {"status": ScanStatus.UNSCANNED.value, "avScan": None, "pickleImportScan": None}
    return {"status": result.status, "avScan": None, "pickleImportScan": _pickle_scan(result)}


def repository_status(revision: Revision) -> dict[str, Any]:
    """`securityRepoStatus` of the protocol: whether all is inspected, and what has issues, worst first."""
    files = files_at(revision)
    results = results_of(files)
    harmless = {ScanStatus.SAFE, ScanStatus.UNSCANNED}
    issues = [(path, row.status) for path, row in results.items() if row.status not in harmless]
    issues.sort(key=lambda issue: (-SCAN_ORDER.index(ScanStatus(issue[1])), issue[0]))
    return {
        "scansDone": len(results) == len(files),
        "filesWithIssues": [{"path": path, "level": status} for path, status in issues],
    }


def _pickle_scan(result: ScanResult) -> dict[str, Any] | None:
    if not result.imports:
        return None
    levels = ["innocuous", "suspicious", "dangerous"]
    return {
        "status": result.status,
        "version": str(result.rules),
        "highestSafetyLevel": max((level for _module, _name, level in result.imports), key=levels.index),
        "pickleImports": [{"module": module, "name": name, "safety": level} for module, name, level in result.imports],
    }
