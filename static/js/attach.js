// Comments: pictures dragged or pasted into the text are uploaded, and named where the cursor stands.
for (const form of document.querySelectorAll("[data-attach]")) {
  const text = form.elements.text;
  const csrf = form.elements.csrfmiddlewaretoken.value;
  if (text) attach(form, text, csrf);
}

function attach(form, text, csrf) {
  const state = document.createElement("p");
  state.className = "help";
  state.setAttribute("role", "status");
  state.textContent = form.dataset.hint;
  text.after(state);

  const pictures = (list) => [...(list?.files ?? [])].filter((file) => file.type.startsWith("image/"));

  text.addEventListener("dragover", (event) => event.preventDefault());
  text.addEventListener("drop", (event) => take(event, pictures(event.dataTransfer)));
  text.addEventListener("paste", (event) => take(event, pictures(event.clipboardData)));

  async function take(event, files) {
    if (!files.length) return;
    event.preventDefault();
    for (const file of files) await send(file);
  }

  async function send(file) {
    state.textContent = form.dataset.sending.replace("{name}", file.name);
    try {
      const headers = { "Content-Type": file.type, "X-CSRFToken": csrf };
      const answer = await fetch("/uploads", { method: "POST", body: file, headers });
      if (!answer.ok) throw new Error((await answer.json()).error);
      const address = (await answer.text()).trim();
      insert(`![${file.name.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N} _-]/gu, "")}](${address})`);
      state.textContent = form.dataset.sent;
    } catch (error) {
      state.textContent = `${form.dataset.failed} ${error.message}`;
    }
  }

  function insert(words) {
    const before = text.value.slice(0, text.selectionStart);
    text.setRangeText(`${before && !before.endsWith("\n") ? "\n" : ""}${words}\n`, text.selectionStart, text.selectionEnd, "end");
    text.focus();
  }
}
