"""The people of the demo. Each uses the site as a person does: by its forms in a browser
session, and by the standard clients with an access token."""

import json
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from demo.forms import fields_of

PEOPLE = {
    "researcher": "applies for compute, trains and publishes",
    "reviewer": "scores what the community puts forward",
    "maker": "makes the data set",
    "buyer": "buys for the company northwind",
    "steward": "runs the site",
}
COMPANY = "northwind"


class UnexpectedAnswer(Exception):
    """The site answered something else than the step needs."""


class State:
    """Passwords, tokens and ids that later steps and later runs need, readable by their owner only."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.file = folder / "state.json"
        self.values: dict[str, Any] = json.loads(self.file.read_text()) if self.file.exists() else {}

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def keep(self, **values: Any) -> None:
        self.values |= values
        own = self.file.with_suffix(".new")
        own.touch(mode=0o600)
        own.write_text(json.dumps(self.values, indent=2))
        own.replace(self.file)

    def password(self, name: str) -> str:
        key = f"{name}.password"
        if key not in self.values:
            self.keep(**{key: secrets.token_urlsafe(12)})
        return self.values[key]


class Person:
    """A browser session and an API client of one person."""

    def __init__(self, base_url: str, name: str, state: State) -> None:
        self.base_url = base_url
        self.name = name
        self.state = state
        self.browser = requests.Session()
        self.browser.headers["Accept"] = "text/html"

    @property
    def token(self) -> str:
        return self.state[f"{self.name}.token"]

    # --- as a browser ---------------------------------------------------------------------
    def get(self, path: str) -> requests.Response:
        answer = self.browser.get(self._url(path), timeout=60)
        if answer.status_code != 200:
            raise UnexpectedAnswer(f"GET {path} → {answer.status_code}: {_text_of(answer)}")
        return answer

    def submit(self, path: str, fields: dict[str, Any], *, page: str | None = None) -> requests.Response:
        """Open the page that holds the form, fill it in and send it; follow to where it leads."""
        form = self.get(page or path)
        filled_in = fields_of(form.text, path)
        if filled_in is None:
            raise UnexpectedAnswer(f"There is no form for {path} on {page or path}.")
        answer = self.browser.post(
            self._url(path),
            data=filled_in | fields,
            headers={"Referer": form.url},
            timeout=120,
        )
        if answer.status_code != 200:
            raise UnexpectedAnswer(f"POST {path} → {answer.status_code}: {_text_of(answer)}")
        return answer

    def sign_up(self) -> None:
        fields = {
            "username": self.name,
            "email": f"{self.name}@example.org",
            "password": self.state.password(self.name),
        }
        answer = self.submit("/sign-up", fields)
        if not answer.url.endswith(f"/{self.name}"):
            raise UnexpectedAnswer(f"Sign-up of {self.name} was refused: {_text_of(answer)}")

    def log_in(self) -> None:
        answer = self.submit("/login", {"username": self.name, "password": self.state.password(self.name)})
        if answer.url.endswith("/login"):
            raise UnexpectedAnswer(f"{self.name} could not log in.")

    def make_token(self) -> None:
        page = self.submit("/settings/tokens", {"name": "demo", "scope": "write"})
        found = re.search(r"hf_[A-Za-z0-9]{30,}", page.text)
        if found is None:
            raise UnexpectedAnswer("The page shows no token.")
        self.state.keep(**{f"{self.name}.token": found[0]})

    # --- as a program ---------------------------------------------------------------------
    def api(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """A JSON call with the person's token; returns the decoded answer."""
        answer = self.call(method, path, json=body, **options)
        return answer.json() if answer.content else None

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"} | options.pop("headers", {})
        answer = requests.request(method, self._url(path), headers=headers, timeout=300, **options)
        if answer.status_code >= 400:
            raise UnexpectedAnswer(f"{method} {path} → {answer.status_code}: {_text_of(answer)}")
        return answer

    def _url(self, path: str) -> str:
        return path if path.startswith("http") else self.base_url + path


def wait_for(what: str, look: Callable[[], Any], *, seconds: float = 60) -> Any:
    """Ask again and again until `look` gives something; say what was awaited when it never does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.25)
    raise UnexpectedAnswer(f"Waited {seconds:.0f} s in vain for {what}.")


def _text_of(answer: requests.Response) -> str:
    text = re.sub(r"<(script|style|head)\b.*?</\1>", " ", answer.text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)).strip()[:600]
