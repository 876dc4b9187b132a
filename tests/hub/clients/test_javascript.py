"""The JavaScript client from npm, under Node.js."""

import json
import subprocess

import pytest

from tests.factories import hub as make
from tests.support import clients

pytestmark = pytest.mark.e2e
SCRIPT = """
import { createHash, randomBytes } from "node:crypto";
import * as hub from "@huggingface/hub";
const { createRepo, deleteRepo, downloadFile, fileExists, listFiles, listModels, uploadFiles, whoAmI } = hub;
const accessToken = process.env.HF_TOKEN, hubUrl = process.env.HF_ENDPOINT, repo = "ada/script";
const about = { accessToken, hubUrl, repo };
const data = randomBytes(2_000_000);
const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");
const answer = { who: (await whoAmI({ accessToken, hubUrl })).name };
await createRepo({ ...about, private: true });
for (const useXet of [false, true]) {
  const name = useXet ? "by-xet.bin" : "by-lfs.bin";
  const files = [{ path: name, content: new Blob([data]) }, { path: "README.md", content: new Blob([`# ${name}`]) }];
  await uploadFiles({ ...about, files, useXet });
  const back = await downloadFile({ ...about, path: name });
  answer[name] = digest(new Uint8Array(await back.arrayBuffer())) === digest(data);
}
answer.files = [];
for await (const file of listFiles({ ...about, recursive: true })) answer.files.push(file.path);
answer.exists = [await fileExists({ ...about, path: "README.md" }), await fileExists({ ...about, path: "none" })];
answer.models = [];
for await (const model of listModels({ accessToken, hubUrl, search: { owner: "ada" } })) answer.models.push(model.name);
await deleteRepo(about);
console.log(JSON.stringify(answer));
"""


def test_the_javascript_client_writes_and_reads(site, tmp_path):
    node, folder = clients.node_project()
    token = site.token(make.person("ada"))

    done = subprocess.run(
        [node, "--input-type=module", "-"],
        cwd=folder,
        input=SCRIPT,
        env=site.environment(tmp_path, token),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3000:] + site.log.read_text()[-3000:]
    assert json.loads(done.stdout) == {
        "who": "ada",
        "by-lfs.bin": True,
        "by-xet.bin": True,
        "files": [".gitattributes", "README.md", "by-lfs.bin", "by-xet.bin"],
        "exists": [True, False],
        "models": ["ada/script"],
    }
