// Sorting and choosing columns.
//
// The buttons in the headings sort. A column of numbers is sorted as numbers; what is missing stays last in both
// directions; rows that only calibrate stay apart, below. Likelihoods are sorted within their kind and never across:
// each kind gets a heading. A third press brings the leaderboard's own order back.

function compareKeys(one, two, isNumeric, direction) {
  if (one === "" || two === "") return (one === "") - (two === "");
  const order = isNumeric ? one - two : one.localeCompare(two);
  return direction === "ascending" ? order : -order;
}

function kindHeading(table, kind) {
  const row = document.createElement("tr");
  row.className = "divider kind";
  const cell = document.createElement("th");
  cell.colSpan = table.tHead.rows[0].cells.length;
  const text = document.createElement("span");
  text.textContent = kind;
  cell.append(text);
  row.append(cell);
  return row;
}

function sortRows(body, heading, direction) {
  const column = heading.cellIndex;
  const kinds = direction === "none" || !heading.dataset.kinds ? [] : JSON.parse(heading.dataset.kinds);
  body.querySelectorAll("tr.kind").forEach((row) => row.remove());
  const rows = [...body.rows].filter((row) => !row.classList.contains("divider"));
  rows.forEach((row, place) => { row.dataset.place ??= place; });
  const keyOf = (row) => row.cells[column].dataset.sort ?? "";
  const kindOf = (row) => {
    const place = kinds.indexOf(row.cells[column].dataset.kind);
    return place < 0 ? kinds.length : place;
  };
  const isNumeric = rows.every((row) => keyOf(row) === "" || !Number.isNaN(Number(keyOf(row))));
  rows.sort((a, b) => {
    const byPlace = a.dataset.place - b.dataset.place;
    if (direction === "none") return byPlace;
    return kindOf(a) - kindOf(b) || compareKeys(keyOf(a), keyOf(b), isNumeric, direction) || byPlace;
  });
  let before = null;
  for (const row of rows) {
    const kind = kinds.length > 1 ? kindOf(row) : null;
    if (kind !== before) body.append(kindHeading(body.parentElement, kinds[kind] ?? "no likelihood"));
    before = kind;
    body.append(row);
  }
}

function startSorting() {
  const next = { none: "ascending", ascending: "descending", descending: "none" };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.sort");
    if (!button) return;
    const heading = button.closest("th");
    const table = heading.closest("table");
    const direction = next[heading.getAttribute("aria-sort") ?? "none"];
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    if (direction !== "none") heading.setAttribute("aria-sort", direction);
    for (const body of table.tBodies) sortRows(body, heading, direction);
    hideEmptyDividers();
  });
}

// ---- columns

function showColumn(table, column, shown) {
  for (const row of table.rows) {
    if (!row.classList.contains("divider")) row.cells[column].classList.toggle("unchosen", !shown);
  }
}

function columnChoice(table, heading, onChange) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = !heading.classList.contains("unchosen");
  box.addEventListener("change", () => {
    showColumn(table, heading.cellIndex, box.checked);
    onChange();
  });
  label.append(box, heading.querySelector(".sort").textContent);
  return label;
}

// The choices are made when the chooser is opened for the first time: a large page has thousands of them.
function fillChooser(chooser, table, count) {
  const groups = new Map();
  for (const heading of table.tHead.rows[0].cells) {
    const { group } = heading.dataset;
    groups.set(group, [...(groups.get(group) ?? []), heading]);
  }
  for (const [name, headings] of groups) {
    const group = document.createElement("fieldset");
    const legend = document.createElement("legend");
    legend.textContent = name;
    group.append(legend);
    for (const heading of headings) {
      if (heading.dataset.fixed === undefined) group.append(columnChoice(table, heading, count));
    }
    chooser.append(group);
  }
}

function startChoosers() {
  for (const chooser of document.querySelectorAll("details.chooser")) {
    const table = document.getElementById(chooser.dataset.table);
    const headings = [...table.tHead.rows[0].cells];
    const count = () => {
      const shown = headings.filter((heading) => !heading.classList.contains("unchosen")).length;
      chooser.querySelector("summary").textContent = `Columns: ${shown} of ${headings.length}`;
    };
    count();
    chooser.addEventListener("toggle", () => {
      if (chooser.open && !chooser.dataset.filled) {
        chooser.dataset.filled = "true";
        fillChooser(chooser, table, count);
      }
    });
    chooser.hidden = false;
  }
}

function startTables() {
  startSorting();
  startChoosers();
}
