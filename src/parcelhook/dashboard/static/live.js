// @ts-check
// Live rows of the log: the server sends each new row as it would have written it into the page.

import { say } from "./copy.js";

const MOST_ROWS = 500;

/** @param {(part: ParentNode) => void} serve */
export function live(serve) {
  const place = document.getElementById("live");
  const body = document.querySelector("#log tbody");
  const path = place?.dataset.stream ?? "";
  if (!place || !(body instanceof HTMLElement) || !location.pathname.endsWith("/logs") || new URLSearchParams(location.search).has("cursor")) return;
  const button = document.createElement("button");
  const pill = document.createElement("button");
  pill.hidden = true;
  place.append(pill, button);
  place.className = "live-state";
  place.hidden = false;

  /** @type {EventSource | null} */
  let source = null;
  /** @type {Element[]} */
  let held = [];
  let last = "";

  /** Whether a new row would move what the reader looks at. */
  const busy = () => window.scrollY > 300 || body.contains(document.activeElement) || Boolean(document.querySelector("dialog[open]"));

  /** What waited for this attempt waits no longer. @param {Element} row */
  const settle = (row) => {
    const delivery = row.getAttribute("data-delivery");
    if (!delivery) return;
    for (const earlier of body.querySelectorAll(`tr[data-delivery="${CSS.escape(delivery)}"]`)) {
      const badge = earlier.querySelector(".badge.waiting");
      if (!badge) continue;
      badge.className = "badge failed";
      badge.textContent = (badge.textContent ?? "").replace("Waiting", "Failed");
      earlier.querySelector(".next")?.remove();
    }
  };

  const release = () => {
    for (const row of held) {
      settle(row);
      row.classList.add("fresh");
      body.prepend(row);
      serve(row);
    }
    if (held.length) document.getElementById("no-match")?.remove();
    held = [];
    while (body.children.length > MOST_ROWS) body.lastElementChild?.remove();
    pill.hidden = true;
  };

  const show = () => {
    button.textContent = source ? "Live: on" : "Live: off";
    button.setAttribute("aria-pressed", String(source !== null));
  };

  const start = () => {
    const address = new URL(path, location.href);
    if (last) address.searchParams.set("after", last);
    source = new EventSource(address);
    source.addEventListener("row", (event) => {
      last = event.lastEventId;
      const page = new DOMParser().parseFromString(`<table><tbody>${event.data}</tbody></table>`, "text/html");
      const row = page.querySelector("tr");
      if (!row || document.getElementById(row.id)) return;
      held.push(document.adoptNode(row));
      if (busy()) {
        pill.textContent = `${held.length} new`;
        pill.hidden = false;
      } else release();
    });
    show();
  };

  button.addEventListener("click", () => {
    if (source) {
      source.close();
      source = null;
      show();
    } else start();
    say(source ? "New rows are shown as they come." : "New rows are not shown.");
  });
  pill.addEventListener("click", () => { window.scrollTo({ top: 0 }); release(); });
  window.addEventListener("pagehide", () => source?.close());
  start();
}
