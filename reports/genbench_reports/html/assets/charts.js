// Quality against compute, and quality against cost with its Pareto front. A chart is drawn when it comes into view, and
// again when its controls, the filter or the colour scheme change. Names stand in the chart, beside what they name.

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

// One entry of the legend for each family. The page has its own legend; plotly draws one into files that are saved.
function legendOnce() {
  const seen = new Set();
  return (family) => {
    const first = !seen.has(family);
    seen.add(family);
    return { legendgroup: family, showlegend: first, name: asText(family) };
  };
}

function writeLegend(figure, families, hasFront) {
  const legend = figure.querySelector(".legend");
  legend.replaceChildren(...[...new Set(families)].map((family) => {
    const entry = document.createElement("span");
    entry.dataset.family = family;
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    entry.append(swatch, family);
    return entry;
  }), ...(hasFront ? ["⋯ Pareto front: no other model beats these in both"] : []));
}

function plusMinus(error) {
  return error === null || error === undefined ? "" : ` ± ${error.toPrecision(2)}`;
}

function isKnown(value) {
  return value !== null && value !== undefined;
}

// ---- axes

const MIN_LOG_RATIO = 2;
const AXIS_MARGIN = 0.06;

// All above 0, and over a factor of two: better seen on a logarithmic axis.
function isWide(values) {
  return values.length > 0 && Math.min(...values) > 0 && Math.max(...values) > MIN_LOG_RATIO * Math.min(...values);
}

// An axis over all values, with its range, so that the places of points in pixels are known.
function axisOver(layout, values, isLog, title, tickformat) {
  const at = (value) => (isLog ? Math.log10(value) : value);
  const places = values.filter((value) => isKnown(value) && (!isLog || value > 0)).map(at);
  let [low, high] = places.length ? [Math.min(...places), Math.max(...places)] : [0, 1];
  if (low === high) [low, high] = [low - (isLog ? 0.3 : Math.abs(low) / 2 || 1), high + (isLog ? 0.3 : Math.abs(high) / 2 || 1)];
  const margin = AXIS_MARGIN * (high - low);
  const decades = high - low;
  return {
    ...layout.axis, type: isLog ? "log" : "linear", range: [low - margin, high + margin], tickformat,
    dtick: isLog ? (decades > 2.5 ? 1 : decades > 0.5 ? "D2" : "D1") : undefined, nticks: isLog ? undefined : 6,
    minor: isLog && decades > 2.5 ? { dtick: "D1", ticks: "outside", ticklen: 3, tickcolor: layout.axis.linecolor } : undefined,
    title: { ...layout.axis.title, text: asText(title) },
  };
}

function axisEnd(axis, side) {
  return axis.type === "log" ? 10 ** axis.range[side] : axis.range[side];
}

// From a value to pixels from the left, or from the top, of the plotting area.
function pixels(axis, length, value, isVertical) {
  const place = axis.type === "log" ? Math.log10(value) : value;
  const share = (place - axis.range[0]) / (axis.range[1] - axis.range[0]);
  return isVertical ? length * (1 - share) : length * share;
}

// Draws, and then places the names: only then the size of the plotting area is known. names: from the size to
// annotations.
async function drawWithNames(plot, traces, layout, names) {
  const Plotly = await loadPlotly();
  await Plotly.react(plot, traces, layout, PLOT_CONFIG);
  const { w, h, r } = plot._fullLayout._size;
  await Plotly.relayout(plot, { annotations: names({ width: w, height: h, right: r }) });
}

// A line from a point to its name. Lines come before names, so that they run below them.
function lineTo(position, shift, color) {
  return {
    ...position, xref: "x", yref: "y", text: " ", ax: shift.x, ay: shift.y, axref: "pixel", ayref: "pixel", showarrow: true,
    arrowhead: 0, arrowwidth: 0.7, arrowcolor: color, standoff: 5, borderpad: 0, captureevents: false,
  };
}

function nameAt(position, shift, label, color, xanchor, ground) {
  return {
    ...position, xref: "x", yref: "y", text: label.text, font: { size: LABEL_SIZE, color }, showarrow: false, xanchor, yanchor: "middle",
    xshift: shift.x, yshift: -shift.y, bgcolor: ground, borderpad: 0, align: xanchor === "left" ? "left" : "center", captureevents: false,
  };
}

// Names for points {x, y, label, color}. Returns annotations, and the names for which there was no room.
function nameAnnotations(points, layout, size) {
  const at = (value, axis) => (axis.type === "log" ? Math.log10(value) : value);
  const labels = points.map((point) => labelOf(point.label));
  const spots = points.map((point, place) => ({
    x: pixels(layout.xaxis, size.width, point.x, false), y: pixels(layout.yaxis, size.height, point.y, true),
    width: labels[place].width, height: labels[place].height,
  }));
  const places = placeLabels(spots, { left: 0, top: 0, right: size.width + size.right - 4, bottom: size.height });
  const unnamed = points.filter((_, place) => !places[place]).map((point) => point.label);
  const lines = [], names = [];
  points.forEach((point, number) => {
    const place = places[number];
    if (!place) return;
    const shift = { x: place.x - spots[number].x, y: place.y - spots[number].y };
    const position = { x: at(point.x, layout.xaxis), y: at(point.y, layout.yaxis) };
    if (place.isFar) lines.push(lineTo(position, shift, layout.muted));
    names.push(nameAt(position, shift, labels[number], point.color, "center", layout.ground));
  });
  return { annotations: [...lines, ...names], unnamed };
}

// What the chart does not show at first.
function sayLeftOut(figure, beyond, unnamed) {
  const text = figure.querySelector(".left-out");
  const said = [
    beyond.length ? `Beyond the axes, which span the models that compete: ${beyond.join(", ")}.` : "",
    unnamed.length ? `Not named for lack of room: ${unnamed.join(", ")}.` : "",
  ].filter(Boolean).join(" ");
  text.hidden = !said;
  text.textContent = said;
}

// ---- quality against compute

const NAMELESS_HEIGHT = 80;
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];

function shownLines(curve, metric) {
  return curve.lines.filter((line) => isShown(line.label, line.family) && line.y[metric.name]?.some(isKnown));
}

function curveTraces(report, lines, metric, axis) {
  const legend = legendOnce();
  const withinFamily = {};
  return lines.map((line) => {
    const nth = (withinFamily[line.family] = (withinFamily[line.family] ?? -1) + 1);
    const { color, symbol } = familyLook(report, line.family);
    const y = line.y[metric.name];
    const errors = line.e[metric.name];
    const kind = line.kinds[metric.name] ? `<br>${asText(line.kinds[metric.name])}` : "";
    return {
      ...legend(line.family), type: "scatter", mode: "lines+markers", x: line.x[axis.name], y,
      error_y: errors.some(isKnown) ? { array: errors, thickness: 1, width: 0, color } : undefined,
      line: { color, width: 1.6, dash: DASHES[nth % DASHES.length] }, marker: { color, symbol, size: 6 },
      text: y.map((value, place) => `<b>${asText(line.label)}</b><br>${asText(metric.title)} ${value?.toPrecision(4)}${plusMinus(errors[place])}${kind}`),
      hovertemplate: `%{text}<br>%{x:.4s} ${axis.name}<extra></extra>`,
    };
  });
}

// Where the curves end, with their names, for which there is a column at the right of the chart.
function curveEnds(lines, metric, axis, layout) {
  return lines.map((line) => {
    const [x, y] = [line.x[axis.name], line.y[metric.name]];
    const has = (axisOf, value) => isKnown(value) && (axisOf.type !== "log" || value > 0);
    const last = y.findLastIndex((value, place) => has(layout.yaxis, value) && has(layout.xaxis, x[place]));
    return { family: line.family, label: labelOf(line.label), x: x[last], y: y[last], last };
  }).filter((end) => end.last >= 0);
}

const COLUMN_GAP = 18;

// Each name as near to the height of its last point as the others allow.
function curveNames(report, ends, layout, size) {
  const at = (axis, value) => (axis.type === "log" ? Math.log10(value) : value);
  const heights = ends.map((end) => pixels(layout.yaxis, size.height, end.y, true));
  const middles = stackLabels(ends.map((end, place) => ({ y: heights[place], height: end.label.height })), 0, size.height) ?? heights;
  const lines = [], names = [];
  ends.forEach((end, place) => {
    const position = { x: at(layout.xaxis, end.x), y: at(layout.yaxis, end.y) };
    const shift = { x: size.width + COLUMN_GAP - pixels(layout.xaxis, size.width, end.x, false), y: middles[place] - heights[place] };
    lines.push({ ...lineTo(position, shift, layout.muted), xanchor: "left" });
    names.push(nameAt(position, shift, end.label, familyLook(report, end.family).color, "left", layout.ground));
  });
  return [...lines, ...names];
}

function curveChart(report, figure, board) {
  const { curve } = board;
  const redraw = () => draw();
  const metric = control(figure, "figure", curve.metrics.map((each) => each.title), redraw);
  const axis = control(figure, "against", curve.axes.map((each) => each.title), redraw);
  const log = checkbox(figure, "log axes", redraw);
  log.checked = true;
  const chosen = () => [curve.metrics[metric.value], curve.axes[axis.value]];
  addDownloads(figure, `${board.title}, quality against compute`, () => {
    const [quality, cost] = chosen();
    const rows = shownLines(curve, quality).flatMap((line) => line.x[cost.name].map((x, place) =>
      [line.label, line.family, x, line.y[quality.name][place], line.e[quality.name][place], line.kinds[quality.name] ?? ""]));
    return [["model", "family", cost.title, `${quality.title} (validation)`, "standard error", "kind"], rows];
  });
  async function draw() {
    const plot = figure.querySelector(".plot");
    const layout = baseLayout();
    const [quality, cost] = chosen();
    const lines = shownLines(curve, quality);
    const [across, up] = [lines.flatMap((line) => line.x[cost.name]), lines.flatMap((line) => line.y[quality.name])].map((values) => values.filter(isKnown));
    layout.xaxis = axisOver(layout, across, log.checked && isWide(across.filter((value) => value > 0)), cost.title, cost.name === "seconds" ? "~g" : "~s");
    layout.yaxis = axisOver(layout, up, log.checked && isWide(up), `${quality.title} (validation)`, "~g");
    layout.showlegend = false;
    writeLegend(figure, lines.map((line) => line.family), false);
    const ends = curveEnds(lines, quality, cost, layout);
    layout.margin.r = Math.min(Math.max(0, ...ends.map((end) => end.label.width)) + COLUMN_GAP + 6, 0.45 * plot.clientWidth);
    layout.height = Math.max(layout.height, NAMELESS_HEIGHT + ends.reduce((sum, end) => sum + end.label.height, 0));
    await drawWithNames(plot, curveTraces(report, lines, quality, cost), layout, (size) => curveNames(report, ends, layout, size));
  }
  return draw;
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

function tradeTraces(report, points, metric, axis, muted) {
  const legend = legendOnce();
  const families = [...new Set(points.map((point) => point.family))];
  const markers = families.map((family) => {
    const members = points.filter((point) => point.family === family);
    const { color, symbol } = familyLook(report, family);
    const errors = members.map((point) => point.error);
    return {
      ...legend(family), type: "scatter", mode: "markers", x: members.map((p) => p.x), y: members.map((p) => p.y),
      error_y: errors.some(isKnown) ? { array: errors, thickness: 1, width: 0, color } : undefined,
      marker: { color, symbol: members.map((p) => (p.counts || symbol === "x" ? symbol : `${symbol}-open`)), size: 9 },
      customdata: members.map((point) => `<b>${asText(point.label)}</b><br>${asText(metric.title)} ${point.y.toPrecision(4)}${plusMinus(point.error)}` +
        (point.kind ? `<br>${asText(point.kind)}` : "") + (point.counts ? "" : "<br>not on a front: calibration, incomplete or in doubt")),
      hovertemplate: `%{customdata}<br>${asText(axis.title)} %{x:.4s}<extra></extra>`,
    };
  });
  return [...frontTraces(points, metric.better === "higher" ? -1 : 1, muted), ...markers];
}

const MIN_COST_RATIO = 2;

// Under a budget every model trains as long: the first cost that differs by a factor of two says more, or else the one
// that differs most.
function costThatVaries(trade) {
  const ratios = trade.axes.map((_, axis) => {
    const values = trade.entries.filter((entry) => entry.family !== "baseline" && entry.x[axis] !== null && entry.y[0] !== null).map((entry) => entry.x[axis]);
    return values.length > 1 ? Math.max(...values) / Math.min(...values) : 0;
  });
  const first = ratios.findIndex((ratio) => ratio >= MIN_COST_RATIO);
  return first >= 0 ? first : Math.max(0, ratios.indexOf(Math.max(...ratios)));
}

function tradeChart(report, figure, board) {
  const { trade } = board;
  const redraw = () => draw();
  const metric = control(figure, "figure", trade.metrics.map((each) => each.title), redraw);
  const axis = control(figure, "against", trade.axes.map((each) => each.title), redraw);
  const log = checkbox(figure, "log axes", redraw);
  axis.value = costThatVaries(trade);
  log.checked = true;
  const chosen = () => [trade.metrics[metric.value], trade.axes[axis.value]];
  addDownloads(figure, `${board.title}, quality against cost`, () => {
    const [quality, cost] = chosen();
    const rows = tradePoints(trade, metric.value, axis.value).map((point) => [point.label, point.family, point.x, point.y, point.error, point.kind ?? ""]);
    return [["model", "family", cost.title, quality.title, "standard error", "kind"], rows];
  });
  async function draw() {
    const plot = figure.querySelector(".plot");
    const layout = baseLayout();
    const [quality, cost] = chosen();
    const points = tradePoints(trade, metric.value, axis.value);
    // baselines cost so little, and some are so bad, that they would leave no room for the others
    const competing = points.filter((point) => point.family !== "baseline");
    const [across, up] = ["x", "y"].map((side) => (competing.length ? competing : points).map((point) => point[side]));
    layout.xaxis = axisOver(layout, across, log.checked && isWide(across), cost.title, "~s");
    layout.yaxis = axisOver(layout, up, log.checked && isWide(up), quality.title, "~g");
    layout.height = Math.max(layout.height, 9 * points.length);
    const isInside = (point) => [[layout.xaxis, point.x], [layout.yaxis, point.y]].every(([each, value]) => value >= axisEnd(each, 0) && value <= axisEnd(each, 1));
    const inside = points.filter(isInside);
    layout.showlegend = false;
    writeLegend(figure, inside.map((point) => point.family), inside.some((point) => point.counts));
    // the best choose their places first
    const sign = quality.better === "higher" ? -1 : 1;
    const ordered = [...inside].sort((a, b) => b.counts - a.counts || sign * (a.y - b.y)).map((point) => ({ ...point, color: familyLook(report, point.family).color }));
    await drawWithNames(plot, tradeTraces(report, points, quality, cost, layout.muted), layout, (size) => {
      const { annotations, unnamed } = nameAnnotations(ordered, layout, size);
      sayLeftOut(figure, points.filter((point) => !isInside(point)).map((point) => point.label), unnamed);
      return annotations;
    });
  }
  return draw;
}

// ---- when they are drawn

const CHARTS = { curve: curveChart, trade: tradeChart };
const RESIZE_DELAY_MS = 150;

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
  // names are placed by pixels
  let width = innerWidth, timer = 0;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(timer);
    timer = setTimeout(refresh, RESIZE_DELAY_MS);
  });
}
