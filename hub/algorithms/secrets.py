"""Well-known credentials in text files.

Only forms that a service gives its credentials on purpose so that they are recognised; random-looking texts are
not guessed at. What is plainly a placeholder does not count.
"""

import re
from dataclasses import dataclass

MAX_FILE = 2 * 1024 * 1024  # bytes; longer files are not read
_MAX_FOUND = 50
_MIN_DISTINCT = 10  # characters: `hf_xxxxxxxx…` is no credential

# One of these is in every form: most files have none, and are left at once.
_MARK = re.compile(
    b"hf_|AKIA|ASIA|aws_secret|AWS_SECRET|ghp_|gho_|ghu_|ghs_|ghr_|github_pat_|PRIVATE KEY|xox|hooks\\.slack|k_live_|"
    b"T3BlbkFJ|sk-ant-|AIza"
)
_FORMS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("Hub access token", re.compile(rb"(?<![A-Za-z0-9_])hf_[A-Za-z0-9]{34,40}(?![A-Za-z0-9])")),
    ("AWS access key", re.compile(rb"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])")),
    (
        "AWS secret key",
        re.compile(rb"(?i:aws_secret_access_key)[\"\']?\s*[:=]\s*[\"\']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"),
    ),
    ("GitHub token", re.compile(rb"(?<![A-Za-z0-9_])(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{82})")),
    (
        "private key",
        re.compile(
            rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY(?: BLOCK)?-----(?:\\n|\s|[A-Za-z-]+: .*\n)+([A-Za-z0-9+/=]{40,})"
        ),
    ),
    ("Slack token", re.compile(rb"xox[abprs]-(?:[0-9]{10,13}-){1,3}[A-Za-z0-9-]{20,}")),
    ("Slack webhook", re.compile(rb"hooks\.slack\.com/services/T[A-Z0-9]{8,}/B[A-Z0-9]{8,}/[A-Za-z0-9]{20,}")),
    ("Stripe live key", re.compile(rb"(?<![A-Za-z0-9_])[rs]k_live_[A-Za-z0-9]{24,}")),
    ("OpenAI key", re.compile(rb"(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]*T3BlbkFJ[A-Za-z0-9_-]{20,}")),
    ("Anthropic key", re.compile(rb"(?<![A-Za-z0-9])sk-ant-[a-z0-9]+-[A-Za-z0-9_-]{80,}")),
    ("Google key", re.compile(rb"(?<![A-Za-z0-9_-])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])")),
)
_PLACEHOLDER = re.compile(rb"example|placeholder|your[_-]?(?:token|key)|redacted|dummy", re.IGNORECASE)
# A line of the commit's message that says: I know, it is none, or it may be seen.
_ALLOW = re.compile(r"^Allow-Secrets:[ \t]*\S.*$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class Secret:
    """A credential: what it is, and where; `text` is the thing itself, never shown or kept."""

    path: str
    line: int
    kind: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line} ({self.kind})"


def find(path: str, data: bytes) -> list[Secret]:
    """All credentials in a file; nothing in what is long or no text."""
    if len(data) > MAX_FILE or not _MARK.search(data) or b"\0" in data[:8192]:
        return []
    found = []
    for kind, form in _FORMS:
        for match in form.finditer(data):
            text = match[match.lastindex or 0]
            if len(set(text)) < _MIN_DISTINCT or _PLACEHOLDER.search(text):
                continue
            line = data.count(b"\n", 0, match.start()) + 1
            found.append(Secret(path, line, kind, text.decode("ascii")))
            if len(found) >= _MAX_FOUND:
                return found
    return found


def is_allowed_by(message: str) -> bool:
    """Whether a commit's message takes responsibility, by a line `Allow-Secrets: <why>`."""
    return _ALLOW.search(message) is not None
