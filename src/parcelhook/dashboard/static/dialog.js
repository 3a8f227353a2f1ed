// @ts-check
// Pages that open as a dialog over the page one is on: Add Webhook, Edit, Delete, an attempt of the log.
// The address is that of the page itself, so what a link leads to is the same without script.

/** @typedef {(part: ParentNode) => void} Serve */

/** @param {Serve} serve */
export function dialogs(serve) {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link) return;
    const open = link.closest("dialog");
    if (open && link.hasAttribute("data-close")) {
      event.preventDefault();
      open.close();
    } else if (link.hasAttribute("data-dialog") || link.matches("#log .row-link") || (open && link.matches("[data-next], [data-previous]"))) {
      event.preventDefault();
      void show(link.href, link.matches("#log .row-link") || Boolean(open?.classList.contains("drawer")), serve);
    }
  });
}

/** @param {string} href @param {boolean} drawer @param {Serve} serve */
export async function show(href, drawer, serve) {
  const answer = await ask(href, {});
  if (!answer?.part || answer.elsewhere) { location.href = href; return; }
  const dialog = document.querySelector("dialog") ?? document.body.appendChild(document.createElement("dialog"));
  dialog.className = drawer ? "drawer" : "";
  fill(dialog, answer.part, serve);
  if (!dialog.open) {
    const opener = document.activeElement;
    dialog.showModal();
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (opener instanceof HTMLElement) opener.focus();
    }, { once: true });
  }
  dialog.scrollTop = 0;
}

/** @param {HTMLDialogElement} dialog @param {Element} part @param {Serve} serve */
function fill(dialog, part, serve) {
  const close = document.createElement("form");
  close.method = "dialog";
  const button = close.appendChild(document.createElement("button"));
  button.textContent = "Close";
  button.className = "quiet";
  dialog.replaceChildren(close, part);
  const title = part.querySelector("h1");
  if (title) {
    title.id = "dialog-title";
    dialog.setAttribute("aria-labelledby", "dialog-title");
  }
  for (const form of dialog.querySelectorAll("form[method=post]")) {
    if (form instanceof HTMLFormElement) form.addEventListener("submit", (event) => { void send(event, form, dialog, serve); });
  }
  serve(part);
}

/** @param {SubmitEvent} event @param {HTMLFormElement} form @param {HTMLDialogElement} dialog @param {Serve} serve */
async function send(event, form, dialog, serve) {
  event.preventDefault();
  const body = new URLSearchParams();
  for (const [name, value] of new FormData(form, event.submitter)) body.append(name, String(value));
  const buttons = [...dialog.querySelectorAll("button")];
  for (const button of buttons) button.disabled = true;
  const answer = await ask(form.getAttribute("action") ?? "", { method: "POST", body });
  for (const button of buttons) button.disabled = false;
  if (!answer) {
    const fault = document.createElement("p");
    fault.className = "error";
    fault.setAttribute("role", "alert");
    fault.textContent = "The server could not be reached, so nothing was done. What you typed is still here: try again.";
    form.before(fault);
  } else if (answer.elsewhere && !(answer.part && dialog.classList.contains("drawer"))) {
    location.href = answer.elsewhere;
  } else if (answer.part) {
    fill(dialog, answer.part, serve);
  }
}

/** Of that page the part which a dialog shows, and where the answer led if that is another page. Null: no answer came.
 * @param {string} href @param {RequestInit} how @returns {Promise<{ part: Element | null, elsewhere: string } | null>} */
async function ask(href, how) {
  let answer, text;
  try {
    answer = await fetch(href, { ...how, headers: { Accept: "text/html" } });
    text = await answer.text();
  } catch {
    return null;
  }
  const page = new DOMParser().parseFromString(text, "text/html");
  const part = page.querySelector("[data-dialog-part]") ?? (answer.ok ? null : page.querySelector("main .panel"));
  return { part: part && document.adoptNode(part), elsewhere: answer.redirected ? answer.url : "" };
}
