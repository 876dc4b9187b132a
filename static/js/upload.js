// The upload page: files by drag and drop, large ones in parts that survive a reload, then one commit.
const page = document.querySelector("[data-upload]");
const say = (name, values = {}) =>
  Object.entries(values).reduce((text, [key, value]) => text.replace(`{${key}}`, value), page.dataset[name]);
const form = page.querySelector("form");
const zone = page.querySelector("[data-zone]");
const list = page.querySelector("[data-files]");
const summary = page.querySelector("[data-summary]");
const cancel = page.querySelector("[data-cancel]");
const buttons = [...form.querySelectorAll("button[name=act]")];
const csrf = form.elements.csrfmiddlewaretoken.value;
const BATCH = 100;
const TRIES = 4;
const files = new Map();
let stop = new AbortController();

class Told extends Error {}

function pathOf(name) {
  const folder = form.elements.folder.value.trim().replace(/^\/+|\/+$/g, "");
  return folder ? `${folder}/${name}` : name;
}

function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  for (; bytes >= 1000 && at < units.length - 1; at += 1) bytes /= 1000;
  return `${bytes.toFixed(at && bytes < 100 ? 1 : 0)} ${units[at]}`;
}

function add(name, file) {
  if (files.has(name)) files.get(name).row.remove();
  const row = document.createElement("li");
  const about = document.createElement("p");
  about.className = "row row-between";
  const label = document.createElement("span");
  label.className = "mono";
  label.textContent = name;
  const state = document.createElement("span");
  state.className = "muted small";
  state.textContent = size(file.size);
  const remove = document.createElement("button");
  remove.type = "button";
  remove.className = "button button-small";
  remove.textContent = page.dataset.remove;
  remove.setAttribute("aria-label", `${page.dataset.remove} ${name}`);
  remove.onclick = () => { files.delete(name); row.remove(); tell(); };
  const bar = document.createElement("progress");
  bar.max = file.size || 1;
  bar.value = 0;
  bar.setAttribute("aria-label", name);
  about.append(label, state, remove);
  row.append(about, bar);
  list.append(row);
  files.set(name, { name, file, row, state, remove, bar });
  tell();
}

function tell(text = "") {
  const total = [...files.values()].reduce((sum, one) => sum + one.file.size, 0);
  summary.textContent = text || (files.size ? say("chosen", { count: files.size, size: size(total) }) : "");
}

// A folder that is dropped brings its path along.
async function walk(entry, prefix = "") {
  if (entry.isFile) {
    add(prefix + entry.name, await new Promise((done, fail) => entry.file(done, fail)));
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!some.length) return;
    for (const inner of some) await walk(inner, `${prefix}${entry.name}/`);
  }
}

async function ask(address, body, type = "application/json") {
  let answer;
  try {
    answer = await fetch(address, {
      method: "POST", body, signal: stop.signal, headers: { "Content-Type": type, "X-CSRFToken": csrf },
    });
  } catch (error) {
    if (stop.signal.aborted) throw error;
    throw new Told(page.dataset.offline);
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Told(told.error || say("failed", { status: answer.status }));
  return told;
}

function put(address, blob, onProgress) {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    stop.signal.addEventListener("abort", abort, { once: true });
    request.open("PUT", address);
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => {
      if (request.status < 300) return done();
      let told = "";
      try { told = JSON.parse(request.responseText).error; } catch { /* not ours */ }
      const error = new Told(told || say("failed", { status: request.status }));
      error.isFinal = request.status < 500 && request.status !== 429;
      return fail(error);
    };
    request.onerror = () => fail(new Told(page.dataset.offline));
    request.onabort = () => fail(new DOMException("", "AbortError"));
    request.onloadend = () => stop.signal.removeEventListener("abort", abort);
    request.send(blob);
  });
}

async function patiently(work) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (stop.signal.aborted || error.isFinal || attempt === TRIES) throw error;
      await new Promise((done) => setTimeout(done, 500 * 2 ** attempt));
    }
  }
}

function hash(one) {
  return new Promise((done, fail) => {
    const worker = new Worker(page.dataset.worker, { type: "module" });
    const end = (finish, value) => { worker.terminate(); finish(value); };
    stop.signal.addEventListener("abort", () => end(fail, new DOMException("", "AbortError")), { once: true });
    worker.onmessage = ({ data }) => {
      if (data.sha256) end(done, data.sha256);
      else if (data.error) end(fail, new Told(say("unreadable", { name: one.name })));
      else one.bar.value = data.done;
    };
    worker.onerror = () => end(fail, new Told(say("unreadable", { name: one.name })));
    worker.postMessage(one.file);
  });
}

async function send(one) {
  one.state.textContent = page.dataset.hashing;
  one.sha256 = await hash(one);
  one.bar.value = 0;
  one.state.textContent = page.dataset.sending;
  const wanted = { objects: [{ oid: one.sha256, size: one.file.size }], ref: page.dataset.ref, transfers: ["multipart"] };
  const [plan] = (await patiently(() => ask(page.dataset.plan, JSON.stringify(wanted)))).objects;
  if (plan.error) throw new Told(plan.error.message);
  if (!plan.actions) {
    one.bar.value = one.bar.max;
    one.state.textContent = page.dataset.there;
    return;
  }
  const { href, header } = plan.actions.upload;
  if (header?.chunk_size) {
    const length = Number(header.chunk_size);
    const done = new Set(plan.done);
    for (let number = 1, at = 0; at < one.file.size; number += 1, at += length) {
      const part = one.file.slice(at, at + length);
      const base = at;
      if (done.has(number)) one.state.textContent = page.dataset.resumed;
      else await patiently(() => put(header[number], part, (sent) => { one.bar.value = base + sent; }));
      one.bar.value = base + part.size;
    }
    await patiently(() => ask(href, "{}"));
  } else {
    await patiently(() => put(href, one.file, (sent) => { one.bar.value = sent; }));
  }
  one.bar.value = one.bar.max;
  one.state.textContent = page.dataset.done;
}

async function base64(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}

async function upload(act) {
  const proposes = act === "propose";
  const query = proposes ? "?create_pr=1" : "";
  const all = [...files.values()];
  const modes = new Map();
  for (let at = 0; at < all.length; at += BATCH) {
    const some = await Promise.all(all.slice(at, at + BATCH).map(async (one) => ({
      path: pathOf(one.name), size: one.file.size, sample: await base64(one.file.slice(0, 512)),
    })));
    const told = await ask(page.dataset.preupload + query, JSON.stringify({ files: some, gitIgnore: "#" }));
    for (const file of told.files) modes.set(file.path, file.uploadMode);
  }
  page.dataset.ref = proposes ? "" : page.dataset.branch;
  const message = form.elements.message.value.trim() || say("message", { count: all.length });
  const lines = [{ key: "header", value: { summary: message, description: form.elements.description.value } }];
  for (const one of all) {
    const path = pathOf(one.name);
    if (modes.get(path) === "lfs") {
      await send(one);
      lines.push({ key: "lfsFile", value: { path, algo: "sha256", oid: one.sha256, size: one.file.size } });
    } else {
      lines.push({ key: "file", value: { path, content: await base64(one.file), encoding: "base64" } });
      one.bar.value = one.bar.max;
      one.state.textContent = page.dataset.done;
    }
  }
  tell(page.dataset.committing);
  const body = lines.map((line) => JSON.stringify(line)).join("\n");
  const made = await ask(page.dataset.commit + query, body, "application/x-ndjson");
  const folder = pathOf("").replace(/\/$/, "").split("/").map(encodeURIComponent).join("/");
  window.location = made.pullRequestUrl || (folder ? `${page.dataset.after}/${folder}` : page.dataset.after);
}

async function start(event) {
  event.preventDefault();
  if (!files.size) return tell(page.dataset.none);
  stop = new AbortController();
  const busy = (yes) => {
    for (const button of buttons) button.disabled = yes;
    for (const one of files.values()) one.remove.disabled = yes;
    cancel.hidden = !yes;
  };
  busy(true);
  try {
    await upload(event.submitter?.value || "commit");
  } catch (error) {
    tell(stop.signal.aborted ? page.dataset.cancelled : error instanceof Told ? error.message : String(error));
    busy(false);
  }
  return undefined;
}

form.addEventListener("submit", start);
cancel.addEventListener("click", () => stop.abort());
for (const input of form.querySelectorAll("input[type=file]")) {
  input.addEventListener("change", () => {
    for (const file of input.files) add(file.webkitRelativePath || file.name, file);
    input.value = "";
  });
}
zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
zone.addEventListener("dragleave", () => zone.classList.remove("over"));
zone.addEventListener("drop", async (event) => {
  event.preventDefault();
  zone.classList.remove("over");
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  try {
    for (const entry of entries) await walk(entry);
    if (!entries.length) for (const file of event.dataTransfer.files) add(file.name, file);
  } catch (error) {
    tell(String(error.message || error));
  }
});
page.classList.add("is-live");
