// Which models are shown: by a part of their name, and by families. While no family is pressed, all of them are shown.
// Which leaderboards are shown: by hardware and by protocol, where the page has several.
// Everything that belongs to a model carries data-model and data-family; charts ask `isShown` and listen to
// "filterchange".

const filterState = { text: "", families: new Set() };

function isShown(label, family) {
  const isPressed = filterState.families.size === 0 || filterState.families.has(family);
  return isPressed && label.toLowerCase().includes(filterState.text);
}

function isFiltered() {
  return filterState.text !== "" || filterState.families.size > 0;
}

// Headings between rows are of no use where no row follows.
function hideEmptyDividers() {
  for (const divider of document.querySelectorAll("tr.divider")) {
    let row = divider.nextElementSibling;
    while (row && row.hidden && !row.classList.contains("divider")) row = row.nextElementSibling;
    divider.hidden = !row || row.classList.contains("divider");
  }
}

// Leaderboards carry data-hardware and data-protocol. A link in the contents goes with its leaderboard.
function applySelections(selects) {
  const chosen = selects.filter((select) => select.value !== "");
  for (const board of document.querySelectorAll("details.board")) {
    board.hidden = chosen.some((select) => board.dataset[select.dataset.board] !== select.value);
    const link = document.querySelector(`.contents a[href="#${board.id}"]`);
    if (link) link.parentElement.hidden = board.hidden;
  }
  return chosen.length > 0;
}

function applyFilter() {
  const labels = new Map();
  for (const element of document.querySelectorAll("[data-model]")) {
    const { model, family } = element.dataset;
    const shown = isShown(model, family);
    element.toggleAttribute("hidden", !shown);
    if (!labels.get(model)) labels.set(model, shown);
  }
  hideEmptyDividers();
  const count = [...labels.values()].filter(Boolean).length;
  const status = document.getElementById("filter-status");
  if (status) {
    const families = [...filterState.families].join(", ");
    status.textContent = `${count} of ${labels.size} models shown${families ? `: ${families}` : ""}`;
  }
  document.dispatchEvent(new Event("filterchange"));
}

function startFilter() {
  const form = document.querySelector(".filter");
  if (!form) return;
  const text = form.querySelector("#filter-text");
  const all = form.querySelector("#filter-all");
  const boxes = [...form.querySelectorAll("input[type=checkbox]")];
  const selects = [...form.querySelectorAll("select[data-board]")];
  const read = () => {
    filterState.text = text.value.trim().toLowerCase();
    filterState.families = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const isSelected = applySelections(selects);
    all.hidden = !isFiltered() && !isSelected;
    applyFilter();
  };
  form.addEventListener("input", read);
  form.addEventListener("submit", (event) => event.preventDefault());
  all.addEventListener("click", () => {
    text.value = "";
    for (const box of boxes) box.checked = false;
    for (const select of selects) select.value = "";
    read();
    text.focus();
  });
  form.hidden = false;
  read(); // a browser may have kept what was chosen before
}
