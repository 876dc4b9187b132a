// A button beside each text that is there to be copied; parts that come later by htmx get theirs too.
function offerCopies(root) {
  if (!navigator.clipboard) return;
  for (const text of root.querySelectorAll("pre[data-copy]:not(.has-copy)")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button-small copy-button";
    button.textContent = text.dataset.copy;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = text.dataset.copied;
      setTimeout(() => (button.textContent = text.dataset.copy), 2000);
    });
    text.classList.add("has-copy");
    text.before(button);
  }
}
offerCopies(document);
document.addEventListener("htmx:oobAfterSwap", () => offerCopies(document));
