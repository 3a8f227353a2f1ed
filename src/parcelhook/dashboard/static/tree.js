// @ts-check
// JSON bodies as a tree: folded and unfolded, searched, or as the text it is.

/** @param {ParentNode} part */
export function trees(part) {
  for (const raw of part.querySelectorAll("pre[data-json]")) {
    let value;
    try { value = JSON.parse(raw.textContent ?? ""); } catch { continue; }
    if (value === null || typeof value !== "object") continue;
    const tools = document.createElement("div");
    tools.className = "actions";
    const tree = document.createElement("div");
    tree.className = "tree";
    tree.tabIndex = 0;
    tree.setAttribute("role", "region");
    tree.setAttribute("aria-label", `${raw.getAttribute("aria-label") ?? "Body"} as tree`);
    tree.append(members(value));
    const fold = button("Fold", () => { for (const one of tree.querySelectorAll("details")) one.open = false; });
    const unfold = button("Unfold", () => { for (const one of tree.querySelectorAll("details")) one.open = true; });
    const find = document.createElement("input");
    find.type = "search";
    find.placeholder = "Find in it";
    find.setAttribute("aria-label", "Find in the body");
    find.addEventListener("input", () => filter(tree, find.value.trim().toLowerCase()));
    const swap = button("As tree", () => {
      const asTree = tree.hidden;
      tree.hidden = fold.hidden = unfold.hidden = find.hidden = !asTree;
      if (raw instanceof HTMLElement) raw.hidden = asTree;
      swap.textContent = asTree ? "As text" : "As tree";
    });
    tree.hidden = fold.hidden = unfold.hidden = find.hidden = true;
    tools.append(swap, fold, unfold, find);
    raw.after(tree, tools);
  }
}

/** @param {string} title @param {() => void} action */
function button(title, action) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "quiet";
  made.textContent = title;
  made.addEventListener("click", action);
  return made;
}

/** @param {object} value */
function members(value) {
  const list = document.createElement("ul");
  for (const [name, member] of Object.entries(value)) {
    const line = list.appendChild(document.createElement("li"));
    if (member !== null && typeof member === "object") {
      const details = line.appendChild(document.createElement("details"));
      details.open = true;
      const count = Object.keys(member).length;
      details.appendChild(document.createElement("summary")).append(word(name), Array.isArray(member) ? ` [${count}]` : ` {${count}}`);
      details.append(members(member));
    } else {
      const shown = document.createElement("span");
      shown.className = typeof member === "string" ? "text" : "other";
      shown.textContent = JSON.stringify(member);
      line.append(word(name), ": ", shown);
    }
  }
  return list;
}

/** @param {string} name */
function word(name) {
  const made = document.createElement("span");
  made.className = "key";
  made.textContent = name;
  return made;
}

/** @param {Element} tree @param {string} wanted */
function filter(tree, wanted) {
  for (const line of tree.querySelectorAll("li")) line.hidden = !(line.textContent ?? "").toLowerCase().includes(wanted);
}
