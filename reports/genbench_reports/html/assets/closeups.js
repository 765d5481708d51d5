// One model closely: its points over the real ones, or its series with spectrum and autocorrelation. Pressing a picture of
// the gallery chooses the model.

const POINT_GRID = 10000;

function realSource(sources) {
  return sources.find((source) => source.family === "");
}

function sourceLook(report, source, muted) {
  return source.family === "" ? { color: muted, symbol: "circle" } : familyLook(report, source.family);
}

function pointTraces(report, closeup, chosen, muted) {
  const scale = (values, side) => {
    const [low, high] = [closeup.limits[0][side], closeup.limits[1][side]];
    return values.map((value) => low + (value / POINT_GRID) * (high - low));
  };
  const real = realSource(closeup.sources);
  return [real, chosen].filter((source, place) => source && !(place === 0 && source === chosen)).map((source) => {
    const { color } = sourceLook(report, source, muted);
    return {
      type: "scatter", mode: "markers", name: asText(source.label), x: scale(source.xy[0], 0), y: scale(source.xy[1], 1),
      marker: { color, size: source === chosen ? 4.5 : 8, opacity: source === chosen ? 0.75 : 0.6, symbol: source === chosen ? "circle" : "circle-open" },
      hovertemplate: "%{x:.4g}, %{y:.4g}<extra></extra>",
    };
  });
}

function pointsLayout(closeup) {
  const layout = baseLayout();
  const range = (side) => [closeup.limits[0][side], closeup.limits[1][side]];
  layout.xaxis = { ...layout.axis, range: range(0), title: { ...layout.axis.title, text: closeup.axes[0] } };
  layout.yaxis = { ...layout.axis, range: range(1), title: { ...layout.axis.title, text: closeup.axes[1] }, scaleanchor: "x", scaleratio: 1 };
  layout.height = 480;
  return layout;
}

// lines of a source as one trace, with gaps between them
function linesTrace(lines, look, axes) {
  const x = [], y = [];
  for (const line of lines) {
    line.forEach((value, step) => { x.push(step); y.push(value); });
    x.push(null); y.push(null);
  }
  return { type: "scatter", mode: "lines", x, y, line: { color: look.color, width: 1 }, hoverinfo: "skip", ...axes };
}

function profileTrace(values, first, divisor, source, look, axes) {
  return {
    type: "scatter", mode: "lines+markers", x: values.map((_, place) => (place + first) / divisor), y: values,
    line: { color: look.color, width: 1.8 }, marker: { size: 4, symbol: look.symbol }, name: asText(source.label), showlegend: false,
    hovertemplate: "%{x:.3g}: %{y:.4g}<extra></extra>", ...axes,
  };
}

function seriesTraces(report, closeup, chosen, muted) {
  const real = realSource(closeup.sources);
  const traces = [];
  for (const source of [real, chosen]) {
    if (!source || (source === real && source === chosen && traces.length)) continue;
    const look = sourceLook(report, source, muted);
    const time = source === real ? { xaxis: "x", yaxis: "y" } : { xaxis: "x2", yaxis: "y2" };
    traces.push({ ...linesTrace(source.lines, look, time), name: asText(source.label) });
    const length = source.lines[0].length;
    if (source.autocorrelation) traces.push(profileTrace(source.autocorrelation[0], 1, 1, source, look, { xaxis: "x3", yaxis: "y3" }));
    if (source.spectrum) traces.push(profileTrace(source.spectrum[0], 1, length, source, look, { xaxis: "x4", yaxis: "y4" }));
  }
  return traces;
}

function seriesLayout(closeup, chosen, width) {
  const layout = baseLayout();
  const values = (realSource(closeup.sources) ?? closeup.sources[0]).lines.flat().filter((value) => value !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const range = [low - 0.15 * (high - low), high + 0.15 * (high - low)];
  const title = (text) => ({ ...layout.axis.title, text });
  layout.grid = { rows: width < 640 ? 4 : 2, columns: width < 640 ? 1 : 2, pattern: "independent", xgap: 0.16, ygap: width < 640 ? 0.4 : 0.32 };
  layout.height = width < 640 ? 900 : 520;
  layout.legend = { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 };
  layout.xaxis = { ...layout.axis, title: title(`${closeup.axes.time}: ${asText(realSource(closeup.sources)?.label ?? "")}`) };
  layout.yaxis = { ...layout.axis, range, title: title(closeup.axes.value) };
  layout.xaxis2 = { ...layout.axis, title: title(`${closeup.axes.time}: ${asText(chosen.label)}`) };
  layout.yaxis2 = { ...layout.axis, range, title: title(closeup.axes.value) };
  layout.xaxis3 = { ...layout.axis, title: title(closeup.axes.lag) };
  layout.yaxis3 = { ...layout.axis, title: title("autocorrelation") };
  layout.xaxis4 = { ...layout.axis, title: title(closeup.axes.frequency) };
  layout.yaxis4 = { ...layout.axis, type: "log", tickformat: "~s", dtick: 1, title: title("power") };
  return layout;
}

// A row for each value of what is drawn.
function closeupValues(closeup, chosen) {
  const shown = [realSource(closeup.sources), chosen].filter((source, place, all) => source && all.indexOf(source) === place);
  if (closeup.kind === "points") {
    const at = (value, side) => closeup.limits[0][side] + (value / POINT_GRID) * (closeup.limits[1][side] - closeup.limits[0][side]);
    const rows = shown.flatMap((source) => source.xy[0].map((x, place) => [source.label, at(x, 0), at(source.xy[1][place], 1)]));
    return [["source", ...closeup.axes], rows];
  }
  const rows = shown.flatMap((source) => source.lines.flatMap((line, number) => line.map((value, step) => [source.label, number + 1, step, value])));
  return [["source", "series", closeup.axes.time, closeup.axes.value], rows];
}

function closeupChart(report, figure, board) {
  const { closeup } = board;
  const sources = closeup.sources;
  const select = control(figure, "model", sources.map((source) => source.label), () => { mark(); draw(); });
  select.value = Math.min(1, sources.length - 1);
  const buttons = () => document.querySelectorAll(`.pick[data-board="${figure.dataset.board}"]`);
  const mark = () => buttons().forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.source === select.value)));
  document.addEventListener("pick", (event) => {
    if (event.detail.board !== figure.dataset.board) return;
    select.value = event.detail.source;
    mark();
    draw();
  });
  addDownloads(figure, `${board.title}, one model closely`, () => closeupValues(closeup, sources[select.value]));
  // models that the filter hides cannot be chosen
  const restrict = () => {
    sources.forEach((source, place) => {
      const hidden = source.family !== "" && !isShown(source.label, source.family);
      select.options[place].hidden = select.options[place].disabled = hidden;
    });
    if (select.selectedOptions[0]?.disabled) {
      const first = sources.findIndex((source, place) => source.family !== "" && !select.options[place].disabled);
      select.value = Math.max(0, first);
    }
    mark();
  };
  restrict();
  async function draw() {
    restrict();
    const Plotly = await loadPlotly();
    const plot = figure.querySelector(".plot");
    const chosen = sources[select.value];
    const muted = baseLayout().muted;
    const isPoints = closeup.kind === "points";
    const traces = isPoints ? pointTraces(report, closeup, chosen, muted) : seriesTraces(report, closeup, chosen, muted);
    const layout = isPoints ? pointsLayout(closeup) : seriesLayout(closeup, chosen, plot.clientWidth);
    await Plotly.react(plot, traces, layout, PLOT_CONFIG);
  }
  return draw;
}

CHARTS.points = closeupChart;
CHARTS.series = closeupChart;

function startCloseups() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.pick");
    if (!button) return;
    const figure = document.querySelector(`figure.chart[data-board="${button.dataset.board}"]:is([data-chart=points],[data-chart=series])`);
    figure.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    const tell = () => document.dispatchEvent(new CustomEvent("pick", { detail: button.dataset }));
    // the chart may come into view, and so into being, only now
    requestAnimationFrame(() => setTimeout(tell, figure.dataset.drawn ? 0 : 300));
  });
}
