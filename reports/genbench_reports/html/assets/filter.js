// Which models are shown: by a part of their name and by family. Everything that belongs to a model carries
// data-model and data-family; charts ask `isShown` and listen to "filterchange".

const filterState = { text: "", hiddenFamilies: new Set() };

function isShown(label, family) {
  return !filterState.hiddenFamilies.has(family) && label.toLowerCase().includes(filterState.text);
}

function applyFilter() {
  const labels = new Map();
  for (const element of document.querySelectorAll("[data-model]")) {
    const shown = isShown(element.dataset.model, element.dataset.family);
    element.hidden = !shown;
    labels.set(element.dataset.model, shown);
  }
  const count = [...labels.values()].filter(Boolean).length;
  const status = document.getElementById("filter-status");
  if (status) status.textContent = `${count} of ${labels.size} models shown`;
  document.dispatchEvent(new Event("filterchange"));
}

function startFilter() {
  const form = document.querySelector(".filter");
  if (!form) return;
  const text = form.querySelector("#filter-text");
  const boxes = [...form.querySelectorAll("input[type=checkbox]")];
  const read = () => {
    filterState.text = text.value.trim().toLowerCase();
    filterState.hiddenFamilies = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
    applyFilter();
  };
  form.addEventListener("input", read);
  form.addEventListener("submit", (event) => event.preventDefault());
  read(); // a browser may have kept what was chosen before
}
