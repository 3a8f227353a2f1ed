// @ts-check
// What script adds to pages that are whole without it. Each part looks for what it serves, and does nothing where that is not.

import { copyButtons } from "./copy.js";
import { dialogs } from "./dialog.js";
import { keys } from "./keys.js";
import { live } from "./live.js";
import { localTimes } from "./times.js";
import { tableTools } from "./table.js";
import { trees } from "./tree.js";

/** Serve a part of the page; also what a dialog or the live log has brought in. @param {ParentNode} part */
export function serve(part) {
  copyButtons(part);
  localTimes(part);
  trees(part);
  const focus = part.querySelector("[data-focus]");
  if (focus instanceof HTMLElement) focus.focus();
}

serve(document);
dialogs(serve);
keys();
tableTools();
live(serve);
