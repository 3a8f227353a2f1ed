// @ts-check
// Keys: / to search, j and k through the rows of the log or from attempt to attempt, Enter to open, r to resend.

export function keys() {
  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const target = event.target;
    if (target instanceof Element && target.closest("input, select, textarea")) return;
    const dialog = document.querySelector("dialog[open]");
    if (event.key === "/" && !dialog) {
      const search = document.getElementById("q");
      if (search) { event.preventDefault(); search.focus(); }
    } else if (event.key === "j" || event.key === "k") {
      step(event.key === "j" ? 1 : -1, dialog ?? document);
    } else if (event.key === "r") {
      const resend = (dialog ?? document).querySelector("[data-resend]");
      if (resend instanceof HTMLElement) resend.focus();
    }
  });
}

/** @param {number} by @param {ParentNode} part */
function step(by, part) {
  const beside = part.querySelector(by > 0 ? "a[data-next]" : "a[data-previous]");
  if (beside instanceof HTMLElement) { beside.click(); return; }
  const rows = [...part.querySelectorAll("a.row-link")];
  const at = rows.findIndex((row) => row === document.activeElement);
  const next = rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + by))];
  if (next instanceof HTMLElement) next.focus();
}
