// @ts-check
// Copy buttons: they are hidden until script is there to do it.

/** @param {string} sentence Said to assistive technology, and shown nowhere. */
export function say(sentence) {
  const place = document.getElementById("said");
  if (place) place.textContent = sentence;
}

/** @param {ParentNode} part */
export function copyButtons(part) {
  for (const button of part.querySelectorAll("button[data-copy]")) {
    if (!(button instanceof HTMLButtonElement)) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const text = button.dataset.copy ?? "";
      const shown = button.firstChild;
      const before = shown?.textContent ?? "";
      const done = await copy(text);
      if (shown) shown.textContent = done ? "Copied" : "Select and copy by hand";
      say(done ? "Copied." : "The browser did not allow it.");
      setTimeout(() => { if (shown) shown.textContent = before; }, 1500);
    });
  }
}

/** The clipboard needs a secure page; over plain HTTP the old way still works. @param {string} text @returns {Promise<boolean>} */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
