// Every chart can be saved: as it is drawn, as SVG, and the values behind it, as CSV.

function saveFile(name, type, text) {
  const link = document.createElement("a");
  const url = URL.createObjectURL(new Blob([text], { type }));
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

// Names begin with a letter or a digit, so that no spreadsheet reads a formula in them.
function csvField(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csvOf(header, rows) {
  return [header, ...rows].map((row) => row.map(csvField).join(",")).join("\r\n") + "\r\n";
}

function fileName(text) {
  return text.replace(/[^\p{L}\p{N}_.=-]+/gu, "_").slice(0, 80) || "chart";
}

const LEGEND_HEIGHT = 60;

// With a legend, which on the page stands beside the chart, and on the page's ground.
async function chartSvg(plot) {
  const { data, layout } = plot;
  const margin = { ...layout.margin, b: layout.margin.b + LEGEND_HEIGHT };
  const figure = { data, layout: { ...layout, showlegend: true, margin, paper_bgcolor: getComputedStyle(document.documentElement).backgroundColor } };
  const url = await window.Plotly.toImage(figure, { format: "svg", width: plot.clientWidth, height: plot.clientHeight + LEGEND_HEIGHT });
  return decodeURIComponent(url.slice(url.indexOf(",") + 1));
}

// values: returns what is drawn at that moment, as [header, rows].
function addDownloads(figure, name, values) {
  const place = document.createElement("span");
  place.className = "downloads";
  const button = (text, onPress) => {
    const each = document.createElement("button");
    each.type = "button";
    each.textContent = text;
    each.setAttribute("aria-label", `Save ${name} as ${text}`);
    each.addEventListener("click", onPress);
    place.append(each);
  };
  button("SVG", async () => saveFile(`${fileName(name)}.svg`, "image/svg+xml", await chartSvg(figure.querySelector(".plot"))));
  button("CSV", () => saveFile(`${fileName(name)}.csv`, "text/csv", csvOf(...values())));
  figure.querySelector(".controls").append(place);
}
