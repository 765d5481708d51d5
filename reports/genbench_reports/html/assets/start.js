// Everything begins here.

const report = JSON.parse(document.getElementById("report-data").textContent);
document.documentElement.classList.add("scripted");
if (matchMedia("(max-width: 71.99rem)").matches) document.querySelector(".contents details").open = false;
startTables();
startCharts(report);
startCloseups();
startPlayer();
startFilter();
startSections();
document.documentElement.dataset.ready = "true";
