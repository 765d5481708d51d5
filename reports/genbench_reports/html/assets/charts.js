// Quality against compute, and quality against cost with its Pareto front. A chart is drawn when it comes into view, and
// again when its controls, the filter or the colour scheme change.

function control(figure, label, options, onChange) {
  const select = document.createElement("select");
  options.forEach((text, place) => select.add(new Option(text, place)));
  const wrapper = document.createElement("label");
  wrapper.append(label, select);
  select.addEventListener("change", onChange);
  figure.querySelector(".controls").append(wrapper);
  return select;
}

function checkbox(figure, label, onChange) {
  const box = document.createElement("input");
  box.type = "checkbox";
  const wrapper = document.createElement("label");
  wrapper.append(box, label);
  box.addEventListener("change", onChange);
  figure.querySelector(".controls").append(wrapper);
  return box;
}

// one entry of the legend for each family
function legendOnce() {
  const seen = new Set();
  return (family) => {
    const first = !seen.has(family);
    seen.add(family);
    return { legendgroup: family, showlegend: first, name: asText(family) };
  };
}

function plusMinus(error) {
  return error === null || error === undefined ? "" : ` ± ${error.toPrecision(2)}`;
}

// over a decade, and all above 0: better seen on a logarithmic axis
function isWide(values) {
  return Math.min(...values) > 0 && Math.max(...values) > 10 * Math.min(...values);
}

// ---- quality against compute

const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];

function curveTraces(report, curve, metric, axis) {
  const legend = legendOnce();
  const withinFamily = {};
  return curve.lines.filter((line) => isShown(line.label, line.family) && line.y[metric.name]).map((line) => {
    const nth = (withinFamily[line.family] = (withinFamily[line.family] ?? -1) + 1);
    const { color, symbol } = familyLook(report, line.family);
    const y = line.y[metric.name];
    const errors = line.e[metric.name];
    const kind = line.kinds[metric.name] ? `<br>${asText(line.kinds[metric.name])}` : "";
    return {
      ...legend(line.family), type: "scatter", mode: "lines+markers", x: line.x[axis.name], y,
      error_y: errors.some((error) => error !== null) ? { array: errors, thickness: 1, width: 0, color } : undefined,
      line: { color, width: 1.6, dash: DASHES[nth % DASHES.length] }, marker: { color, symbol, size: 6 },
      text: y.map((value, place) => `<b>${asText(line.label)}</b><br>${asText(metric.title)} ${value?.toPrecision(4)}${plusMinus(errors[place])}${kind}`),
      hovertemplate: `%{text}<br>%{x:.4s} ${axis.name}<extra></extra>`,
    };
  });
}

function curveChart(report, figure, board) {
  const { curve } = board;
  const redraw = () => draw();
  const metric = control(figure, "figure", curve.metrics.map((each) => each.title), redraw);
  const axis = control(figure, "against", curve.axes.map((each) => each.title), redraw);
  const log = checkbox(figure, "log", redraw);
  log.checked = isWide(curve.lines.flatMap((line) => line.y[curve.metrics[0].name] ?? []).filter((value) => value !== null));
  async function draw() {
    const Plotly = await loadPlotly();
    const layout = baseLayout();
    const chosen = curve.metrics[metric.value];
    layout.xaxis = { ...layout.axis, tickformat: curve.axes[axis.value].name === "seconds" ? "~g" : "~s", rangemode: "tozero", title: { ...layout.axis.title, text: asText(curve.axes[axis.value].title) } };
    const traces = curveTraces(report, curve, chosen, curve.axes[axis.value]);
    layout.yaxis = figureAxis(layout, log.checked, traces.flatMap((trace) => trace.y), `${asText(chosen.title)} (validation)`);
    await Plotly.react(figure.querySelector(".plot"), traces, layout, PLOT_CONFIG);
  }
  return draw;
}

// Over more than half a decade labels at 1, 2 and 5 are enough: at every digit they run into each other.
function figureAxis(layout, isLog, values, title) {
  const some = values.filter((value) => value > 0);
  const isFar = Math.max(...some) > 4 * Math.min(...some);
  return {
    ...layout.axis, type: isLog ? "log" : "linear", dtick: isLog && isFar ? "D2" : undefined, tickformat: "~g",
    title: { ...layout.axis.title, text: title },
  };
}

// logarithmic where the costs differ by more than a decade
function costAxis(layout, values, title) {
  const isLog = isWide(values);
  return {
    ...layout.axis, type: isLog ? "log" : "linear", dtick: isLog ? 1 : undefined, tickformat: "~s",
    title: { ...layout.axis.title, text: asText(title) },
  };
}

// ---- quality against cost

// From points to those that nothing beats in both; cost: less is better. `sign` is 1 where less quality figure is
// better, -1 where more is.
function paretoFront(points, sign) {
  const ordered = [...points].sort((a, b) => a.x - b.x || sign * (a.y - b.y));
  const front = [];
  for (const point of ordered) {
    if (front.length === 0 || sign * point.y < sign * front.at(-1).y) front.push(point);
  }
  return front;
}

function tradePoints(trade, metric, axis) {
  return trade.entries.flatMap((entry) => {
    const [x, quality] = [entry.x[axis], entry.y[metric]];
    if (x === null || quality === null || !isShown(entry.label, entry.family)) return [];
    const [y, error, kind, counts] = quality;
    return [{ label: entry.label, family: entry.family, x, y, error, kind, counts }];
  });
}

function frontTraces(points, sign, color) {
  const kinds = new Set(points.filter((point) => point.counts).map((point) => point.kind));
  return [...kinds].map((kind) => {
    const front = paretoFront(points.filter((point) => point.counts && point.kind === kind), sign);
    return {
      type: "scatter", mode: "lines", x: front.map((p) => p.x), y: front.map((p) => p.y), hoverinfo: "skip",
      line: { color, width: 1.2, dash: "dot", shape: "hv" },
      name: kind === null ? "Pareto front" : `Pareto front, ${asText(kind)}`, legendrank: 2000,
    };
  });
}

const MOST_NAMED = 14;

// A name at the edge of the chart is written towards its middle.
function besides(points, isLog) {
  const places = points.map((point) => (isLog ? Math.log(point.x) : point.x));
  const [low, high] = [Math.min(...places), Math.max(...places)];
  return (point) => {
    const share = ((isLog ? Math.log(point.x) : point.x) - low) / (high - low);
    return share > 0.88 ? "top left" : share < 0.12 ? "top right" : "top center";
  };
}

function tradeTraces(report, points, metric, axis, muted, isLog) {
  const side = besides(points, isLog);
  const legend = legendOnce();
  const families = [...new Set(points.map((point) => point.family))];
  const named = points.filter((point) => point.counts).length <= MOST_NAMED;
  const markers = families.map((family) => {
    const members = points.filter((point) => point.family === family);
    const { color, symbol } = familyLook(report, family);
    const errors = members.map((point) => point.error);
    return {
      ...legend(family), type: "scatter", mode: named && family !== "baseline" ? "markers+text" : "markers",
      x: members.map((p) => p.x), y: members.map((p) => p.y),
      error_y: errors.some((error) => error !== null) ? { array: errors, thickness: 1, width: 0, color } : undefined,
      marker: { color, symbol: members.map((p) => (p.counts || symbol === "x" ? symbol : `${symbol}-open`)), size: 9 },
      text: members.map((point) => asText(point.label)), textposition: members.map(side), textfont: { size: 11, color: muted },
      customdata: members.map((point) => `<b>${asText(point.label)}</b><br>${asText(metric.title)} ${point.y.toPrecision(4)}${plusMinus(point.error)}` +
        (point.kind ? `<br>${asText(point.kind)}` : "") + (point.counts ? "" : "<br>not on a front: calibration, incomplete or in doubt")),
      hovertemplate: `%{customdata}<br>${asText(axis.title)} %{x:.4s}<extra></extra>`,
    };
  });
  return [...frontTraces(points, metric.better === "higher" ? -1 : 1, muted), ...markers];
}

// Under a budget in seconds every model trains as long: another cost says more at first sight.
function firstThatDiffers(trade) {
  const place = trade.axes.findIndex((_, axis) => {
    const values = trade.entries.filter((entry) => entry.family !== "baseline" && entry.x[axis] !== null).map((entry) => entry.x[axis]);
    return Math.max(...values) > 1.5 * Math.min(...values);
  });
  return Math.max(0, place);
}

function tradeChart(report, figure, board) {
  const { trade } = board;
  const redraw = () => draw();
  const metric = control(figure, "figure", trade.metrics.map((each) => each.title), redraw);
  const axis = control(figure, "against", trade.axes.map((each) => each.title), redraw);
  const log = checkbox(figure, "log", redraw);
  axis.value = firstThatDiffers(trade);
  log.checked = isWide(trade.entries.filter((entry) => entry.y[0] !== null).map((entry) => entry.y[0][0]));
  async function draw() {
    const Plotly = await loadPlotly();
    const layout = baseLayout();
    const [chosen, cost] = [trade.metrics[metric.value], trade.axes[axis.value]];
    const points = tradePoints(trade, metric.value, axis.value);
    layout.yaxis = figureAxis(layout, log.checked, points.map((point) => point.y), asText(chosen.title));
    layout.xaxis = costAxis(layout, points.map((point) => point.x), cost.title);
    await Plotly.react(figure.querySelector(".plot"), tradeTraces(report, points, chosen, cost, layout.muted, layout.xaxis.type === "log"), layout, PLOT_CONFIG);
  }
  return draw;
}

// ---- when they are drawn

const CHARTS = { curve: curveChart, trade: tradeChart };

function startCharts(report) {
  const drawers = new Map();
  const visible = new Set();
  const stale = new Set();
  const drawSafely = async (figure) => {
    stale.delete(figure);
    try {
      await drawers.get(figure)();
      figure.dataset.drawn = "true";
    } catch (error) {
      const text = document.createElement("p");
      text.textContent = `This browser could not draw the chart (${error.message}); its values are in the tables.`;
      figure.querySelector(".plot").replaceChildren(text);
    }
  };
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) { visible.delete(target); continue; }
      visible.add(target);
      if (!drawers.has(target)) {
        drawers.set(target, CHARTS[target.dataset.chart](report, target, report.boards[target.dataset.board]));
        stale.add(target);
      }
      if (stale.has(target)) drawSafely(target);
    }
  }, { rootMargin: "200px" });
  document.querySelectorAll("figure.chart").forEach((figure) => observer.observe(figure));
  const refresh = () => {
    drawers.forEach((_, figure) => stale.add(figure));
    visible.forEach((figure) => drawSafely(figure));
  };
  document.addEventListener("filterchange", refresh);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
}
