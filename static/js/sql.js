// Ctrl or Cmd with Enter runs the query; while it runs it can be cancelled. Without this the form works too.
const form = document.getElementById("sql");
if (form) {
  const cancel = document.getElementById("sql-cancel");
  const busy = document.getElementById("sql-busy");

  form.elements.query.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });

  const running = (is) => {
    cancel.hidden = busy.hidden = !is;
  };
  form.addEventListener("submit", () => running(true));
  // Back from the history: nothing runs any more.
  window.addEventListener("pageshow", () => running(false));

  cancel.addEventListener("click", () => {
    const headers = { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
    fetch(form.dataset.cancel, { method: "DELETE", headers });
  });
}
