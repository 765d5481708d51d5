// Sections are closed until a reader opens them. A link into one opens it, and so does printing.

function openAround(element) {
  const inside = element.matches("details") ? element : element.querySelector(":scope > details");
  if (inside) inside.open = true;
  for (let at = element.parentElement?.closest("details"); at; at = at.parentElement?.closest("details")) at.open = true;
}

function followHash() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  openAround(target);
  target.scrollIntoView();
}

function startSections() {
  // a second press on a link whose address is in the bar already
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && link.getAttribute("href") === location.hash) followHash();
  });
  addEventListener("hashchange", followHash);
  addEventListener("beforeprint", () => {
    for (const section of document.querySelectorAll("details.section, details.part")) section.open = true;
  });
  followHash();
}
