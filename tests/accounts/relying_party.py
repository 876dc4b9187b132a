"""Run by a test in a process of its own: the stock client's FastAPI helper, and a person in a browser.

    python relying_party.py SITE NAME PASSWORD

Its settings come from the environment, as in a space. Prints what the helper learned, as JSON.
"""

import json
import re
import sys
from dataclasses import asdict

import requests
from fastapi import FastAPI, Request
from huggingface_hub import attach_huggingface_oauth, parse_huggingface_oauth
from starlette.testclient import TestClient

site, name, password = sys.argv[1:]
app = FastAPI()
attach_huggingface_oauth(app)


@app.get("/")
def greet(request: Request):
    found = parse_huggingface_oauth(request)
    return {} if found is None else asdict(found)


def csrf(page: str) -> str:
    return re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]


browser = requests.Session()
page = browser.get(f"{site}/login", timeout=30).text
browser.post(f"{site}/login", {"username": name, "password": password, "csrfmiddlewaretoken": csrf(page)}, timeout=30)

with TestClient(app, base_url="https://testserver", follow_redirects=False) as application:
    asked = application.get("/oauth/huggingface/login").headers["location"]
    page = browser.get(asked, timeout=30).text
    fields = {"csrfmiddlewaretoken": csrf(page), "decision": "approve"}
    back = browser.post(asked, fields, allow_redirects=False, timeout=30).headers["Location"]
    answer = application.get(back.removeprefix("https://testserver"))
    assert answer.is_redirect, answer.text
    print(json.dumps(application.get("/").json()))
