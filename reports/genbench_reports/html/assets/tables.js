// Sorting: the buttons in the column headings. A column of numbers is sorted as numbers; what is missing stays last in
// both directions; rows that only calibrate stay apart, below. A third press brings the leaderboard's own order back.

function sortRows(body, column, direction) {
  const rows = [...body.rows].filter((row) => !row.classList.contains("divider"));
  rows.forEach((row, place) => { row.dataset.place ??= place; });
  const keyOf = (row) => row.cells[column].dataset.sort ?? "";
  const isNumeric = rows.every((row) => keyOf(row) === "" || !Number.isNaN(Number(keyOf(row))));
  rows.sort((a, b) => {
    const byPlace = a.dataset.place - b.dataset.place;
    if (direction === "none") return byPlace;
    const [one, two] = [keyOf(a), keyOf(b)];
    if (one === "" || two === "") return (one === "") - (two === "") || byPlace;
    const order = isNumeric ? one - two : one.localeCompare(two);
    return (direction === "ascending" ? order : -order) || byPlace;
  });
  body.append(...rows);
}

function startTables() {
  const next = { none: "ascending", ascending: "descending", descending: "none" };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.sort");
    if (!button) return;
    const heading = button.closest("th");
    const table = heading.closest("table");
    const direction = next[heading.getAttribute("aria-sort") ?? "none"];
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    if (direction !== "none") heading.setAttribute("aria-sort", direction);
    for (const body of table.tBodies) sortRows(body, heading.cellIndex, direction);
  });
}
