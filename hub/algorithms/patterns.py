"""Patterns of .gitattributes and .gitignore, matched as git matches them (gitignore(5), gitattributes(5))."""

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Rule:
    """One line: `pattern` with leading ! and trailing / taken off."""

    pattern: str
    negated: bool = False
    folders_only: bool = False
    value: str = ""

    def matches(self, path: str) -> bool:
        return _expression(self.pattern).fullmatch(path) is not None


def lfs_rules(gitattributes: str) -> list[Rule]:
    """The lines that say something about `filter`; `value` is "lfs" or something else."""
    rules = []
    for line in gitattributes.splitlines()[:10_000]:
        words = line.split()
        if len(words) < 2 or words[0].startswith(("#", "!", "[attr]")):
            continue
        for word in words[1:]:
            name, _, value = word.partition("=")
            if name in {"filter", "-filter", "!filter"}:
                rules.append(Rule(words[0], value=value))
    return rules


def is_lfs(path: str, rules: list[Rule]) -> bool:
    """Whether the last matching line sends the file to large-file storage."""
    return next((rule.value == "lfs" for rule in reversed(rules) if rule.matches(path)), False)


def ignore_rules(gitignore: str) -> list[Rule]:
    rules = []
    for line in gitignore.splitlines()[:10_000]:
        text = line.rstrip("\r") if line.endswith("\\ ") else line.rstrip()
        if not text or text.startswith("#"):
            continue
        negated = text.startswith("!")
        text = text[1:] if negated else text.removeprefix("\\")
        rules.append(Rule(text.rstrip("/"), negated=negated, folders_only=text.endswith("/")))
    return rules


def is_ignored(path: str, rules: list[Rule]) -> bool:
    """Whether the file, or any folder above it, is ignored. The last matching line decides."""
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        here = "/".join(parts[:depth])
        is_folder = depth < len(parts)
        for rule in reversed(rules):
            if (is_folder or not rule.folders_only) and rule.matches(here):
                if not rule.negated:
                    return True
                break
    return False


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    """git's wildcards as a regular expression over the whole path."""
    anchored = "/" in pattern
    body = pattern.removeprefix("/")
    text = "" if anchored else "(?:.*/)?"
    position = 0
    while position < len(body):
        char = body[position]
        if body.startswith("**/", position) and (position == 0 or body[position - 1] == "/"):
            text += "(?:.*/)?"
            position += 3
        elif body.startswith("**", position) and position + 2 == len(body):
            text += ".*"
            position += 2
        elif char == "*":
            while position + 1 < len(body) and body[position + 1] == "*":
                position += 1
            text += "[^/]*"
            position += 1
        elif char == "?":
            text += "[^/]"
            position += 1
        elif char == "[" and (end := body.find("]", position + 2)) > 0:
            inner = body[position + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            text += f"(?!/)[{'^' + inner[1:] if inner[0] in '!^' else inner}]"
            position = end + 1
        elif char == "\\" and position + 1 < len(body):
            text += re.escape(body[position + 1])
            position += 2
        else:
            text += re.escape(char)
            position += 1
    try:
        return re.compile(text, re.DOTALL)
    except re.error:
        return re.compile(re.escape(pattern))
