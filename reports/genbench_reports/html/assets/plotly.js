// Plotly lies in the page compressed: it is unpacked when the first chart comes into view.

let plotlyPromise = null;

async function unpackPlotly() {
  const packed = atob(document.getElementById("plotly-packed").textContent);
  const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  if (!window.Plotly) throw new Error("plotly did not start");
  return window.Plotly;
}

function loadPlotly() {
  plotlyPromise ??= unpackPlotly();
  return plotlyPromise;
}

// Plotly reads a little markup in texts, and mathematics between dollar signs: names are text.
function asText(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("$", "&#36;");
}

function isDark() {
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

function familyLook(report, family) {
  const look = report.families[family];
  return { color: isDark() ? look.dark : look.light, symbol: look.symbol };
}

function baseLayout() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  const axis = {
    gridcolor: read("--line"), zeroline: false, linecolor: read("--strong-line"), automargin: true,
    title: { standoff: 8 }, exponentformat: "SI", hoverformat: ".4g",
  };
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", height: 380,
    font: { family: style.fontFamily, size: 12, color: read("--text") },
    margin: { l: 54, r: 14, t: 12, b: 44 },
    hoverlabel: { bgcolor: read("--raised"), bordercolor: read("--strong-line"), font: { color: read("--text") }, align: "left" },
    legend: { orientation: "h", y: -0.2, yanchor: "top", x: 0 },
    axis, muted: read("--muted"), ground: read("--ground"),
  };
}

const PLOT_CONFIG = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
