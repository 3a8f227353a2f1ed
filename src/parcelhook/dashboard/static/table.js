// @ts-check
// The log's table as the reader likes it: which columns, how dense. Kept in this browser.

const KEPT = "parcelhook-log-table";

export function tableTools() {
  const place = document.getElementById("table-tools");
  const table = document.getElementById("log");
  if (!place || !(table instanceof HTMLTableElement)) return;
  /** @type {{ hidden: string[], dense: boolean }} */
  let kept = { hidden: [], dense: false };
  try { kept = { ...kept, ...JSON.parse(localStorage.getItem(KEPT) ?? "{}") }; } catch { /* nothing readable was kept */ }

  const apply = () => {
    const names = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent ?? "");
    for (const row of table.rows) {
      names.forEach((name, index) => { const cell = row.cells[index]; if (cell) cell.hidden = kept.hidden.includes(name); });
    }
    table.classList.toggle("dense", kept.dense);
    try { localStorage.setItem(KEPT, JSON.stringify(kept)); } catch { /* not allowed here: it lasts as long as the page */ }
  };

  const columns = document.createElement("details");
  const summary = columns.appendChild(document.createElement("summary"));
  summary.textContent = "Columns";
  const menu = columns.appendChild(document.createElement("fieldset"));
  menu.className = "panel menu";
  menu.setAttribute("aria-label", "Columns");
  for (const cell of table.querySelectorAll("thead th")) {
    const name = cell.textContent ?? "";
    const label = menu.appendChild(document.createElement("label"));
    const box = label.appendChild(document.createElement("input"));
    box.type = "checkbox";
    box.checked = !kept.hidden.includes(name);
    label.className = "check";
    label.append(name);
    box.addEventListener("change", () => {
      kept.hidden = box.checked ? kept.hidden.filter((other) => other !== name) : [...kept.hidden, name];
      apply();
    });
  }
  const dense = document.createElement("label");
  const box = dense.appendChild(document.createElement("input"));
  box.type = "checkbox";
  box.checked = kept.dense;
  box.addEventListener("change", () => { kept.dense = box.checked; apply(); });
  dense.className = "check";
  dense.append("Dense");
  place.append(dense, columns);
  place.hidden = false;
  new MutationObserver(apply).observe(table.tBodies[0] ?? table, { childList: true });
  apply();
}
