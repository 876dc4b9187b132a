// The Studio: images are dropped where files are chosen, and masks painted over them. What is painted goes
// into the field for a mask file, so that the server sees the same form with and without this program.
function equip() {
  const place = document.querySelector("#studio-form [data-given]");
  if (!place || place.dataset.ready) return;
  place.dataset.ready = "yes";
  new Given(place);
}

class Given {
  constructor(place) {
    this.place = place;
    this.form = place.closest("form");
    this.file = this.form.elements.image;
    this.painter = new Painter(place.querySelector("[data-painter]"), this.form.elements.mask);
    const zone = place.querySelector("[data-zone]");
    zone.hidden = false;
    for (const kind of ["dragover", "dragleave", "drop"]) {
      zone.addEventListener(kind, (event) => {
        event.preventDefault();
        zone.classList.toggle("over", kind === "dragover");
      });
    }
    zone.addEventListener("drop", (event) => this.take(event.dataTransfer.files));
    this.form.addEventListener("paste", (event) => this.take(event.clipboardData.files));
    this.file.addEventListener("change", () => {
      this.form.elements.mask.value = ""; // it belonged to the image before
      this.show(this.file.files[0]);
    });
    this.begin();
  }

  async begin() {
    const { given, mask } = this.place.dataset;
    if (this.file.files[0]) await this.show(this.file.files[0]);
    else if (given) {
      await this.show(await fetched(given));
      if (mask) await this.painter.load(await fetched(mask));
    }
  }

  take(files) {
    const images = [...files].filter((file) => file.type.startsWith("image/"));
    if (!images.length) return;
    put(this.file, images[0]);
    const task = this.form.querySelector("[name=task]:checked");
    const tasks = ["image_to_image", "editing", "upscale"].map((name) => `[name=task][value=${name}]:enabled`);
    const redraw = this.form.querySelector(tasks.join());
    if (task?.value === "text_to_image" && redraw) redraw.checked = true;
    this.file.dispatchEvent(new Event("change", { bubbles: true }));
  }

  async show(blob) {
    if (!blob) return;
    try {
      const image = await createImageBitmap(blob);
      this.form.elements.image_size.value = `${image.width}x${image.height}`;
      this.painter.begin(image);
      const thumb = this.place.querySelector("[data-thumb]");
      thumb.querySelector("img").src = URL.createObjectURL(blob);
      thumb.hidden = false;
      this.form.dispatchEvent(new Event("change"));
    } catch {
      this.form.elements.image_size.value = ""; // the server says what is wrong with it
    }
  }
}

class Painter {
  constructor(place, field) {
    this.place = place;
    this.field = field;
    this.canvas = place.querySelector("canvas");
    this.mask = document.createElement("canvas");
    this.ink = this.mask.getContext("2d", { willReadFrequently: true });
    this.before = [];
    this.canvas.addEventListener("pointerdown", (event) => this.press(event));
    this.canvas.addEventListener("pointermove", (event) => this.draw(event));
    for (const end of ["pointerup", "pointercancel"]) this.canvas.addEventListener(end, () => this.lift());
    const acts = { undo: () => this.undo(), invert: () => this.invert(), clear: () => this.clear() };
    for (const button of place.querySelectorAll("[data-act]")) button.addEventListener("click", acts[button.dataset.act]);
    this.canvas.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "z") {
        event.preventDefault();
        this.undo();
      }
    });
    // A mask that is chosen as a file takes the place of what was painted.
    field.addEventListener("change", (event) => event.isTrusted && this.load(field.files[0]));
  }

  begin(image) {
    this.image = image;
    for (const canvas of [this.canvas, this.mask]) [canvas.width, canvas.height] = [image.width, image.height];
    const brush = this.place.querySelector("[data-brush]");
    brush.max = Math.max(4, Math.round(Math.max(image.width, image.height) / 3));
    brush.value = Math.max(2, Math.round(Math.max(image.width, image.height) / 12));
    this.before = [];
    this.fill(this.ink, "black");
    this.place.hidden = false;
    this.render();
  }

  async load(file) {
    if (!file || !this.image) return;
    const image = await createImageBitmap(file);
    this.remember();
    this.ink.drawImage(image, 0, 0, this.mask.width, this.mask.height);
    this.render();
  }

  press(event) {
    if (event.button) return;
    event.preventDefault();
    this.canvas.focus();
    this.canvas.setPointerCapture(event.pointerId);
    this.remember();
    this.last = this.point(event);
    this.draw(event);
  }

  draw(event) {
    if (!this.last) return;
    const next = this.point(event);
    const context = this.ink;
    context.strokeStyle = this.place.querySelector("[data-eraser]").checked ? "black" : "white";
    context.lineWidth = Number(this.place.querySelector("[data-brush]").value);
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...this.last);
    context.lineTo(next[0] + 0.01, next[1]); // a press without a move leaves a dot
    context.stroke();
    this.last = next;
    this.render();
  }

  lift() {
    if (!this.last) return;
    this.last = null;
    this.keep();
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  remember() {
    this.before.push(this.ink.getImageData(0, 0, this.mask.width, this.mask.height));
    if (this.before.length > 20) this.before.shift();
  }

  undo() {
    const state = this.before.pop();
    if (!state) return;
    this.ink.putImageData(state, 0, 0);
    this.render();
    this.keep();
  }

  invert() {
    this.remember();
    const context = this.ink;
    context.globalCompositeOperation = "difference";
    this.fill(context, "white");
    context.globalCompositeOperation = "source-over";
    this.render();
    this.keep();
  }

  clear() {
    this.remember();
    this.fill(this.ink, "black");
    this.render();
    this.field.value = "";
  }

  fill(context, colour) {
    context.fillStyle = colour;
    context.fillRect(0, 0, this.mask.width, this.mask.height);
  }

  render() {
    const { width, height } = this.canvas;
    const context = this.canvas.getContext("2d");
    context.drawImage(this.image, 0, 0);
    // The mask's white in a colour that lets the image through.
    const veil = new OffscreenCanvas(width, height);
    const over = veil.getContext("2d");
    const pixels = this.ink.getImageData(0, 0, width, height);
    for (let at = 0; at < pixels.data.length; at += 4) {
      pixels.data[at + 3] = pixels.data[at] * 0.55;
      [pixels.data[at], pixels.data[at + 1], pixels.data[at + 2]] = [230, 30, 120];
    }
    over.putImageData(pixels, 0, 0);
    context.drawImage(veil, 0, 0);
  }

  keep() {
    this.mask.toBlob((blob) => {
      put(this.field, new File([blob], "mask.png", { type: "image/png" }));
      this.field.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }
}

async function fetched(address) {
  const answer = await fetch(address);
  return answer.ok ? answer.blob() : null;
}

function put(field, file) {
  const transfer = new DataTransfer();
  transfer.items.add(file);
  field.files = transfer.files;
}

equip();
document.addEventListener("htmx:afterSwap", (event) => {
  equip(); // a refusal brings the form anew
  const { target, elt } = event.detail;
  // What was asked for appears below the form on narrow screens; each of its changes later leaves the page where it is.
  if (target.id === "result") target.parentElement.scrollIntoView({ block: "nearest" });
  if (elt.id === "studio-form") elt.querySelector(".errors")?.closest(".field, form").scrollIntoView({ block: "center" });
});
