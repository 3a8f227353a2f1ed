// @ts-check
// Times in the browser's own zone, where the user has chosen no other. The exact time in UTC stays on hover.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", {
  day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit",
});
const year = new Intl.DateTimeFormat("en-GB", {
  day: "2-digit", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
});

/** @param {ParentNode} part */
export function localTimes(part) {
  const now = new Date();
  for (const element of part.querySelectorAll("time[data-local]")) {
    if (!(element instanceof HTMLTimeElement)) continue;
    const when = new Date(element.dateTime);
    const today = when.toDateString() === now.toDateString() && element.dataset.local === "short";
    const form = when.getFullYear() !== now.getFullYear() ? year : today ? clock : day;
    element.textContent = form.format(when).replace(",", "");
  }
  for (const name of part.querySelectorAll("[data-zone-name]")) name.textContent = zone;
}
