// The best validation value against the number of trials of a search, with a dotted line for the defaults of the model.

const SEARCH_TICKS = 8;

function shownSearches(search) {
  return search.lines.filter((line) => isShown(line.label, line.family));
}

function searchTraces(report, lines, metric, range) {
  const legend = legendOnce();
  const withinFamily = {};
  return lines.flatMap((line) => {
    const nth = (withinFamily[line.family] = (withinFamily[line.family] ?? -1) + 1);
    const { color, symbol } = familyLook(report, line.family);
    const found = {
      ...legend(line.family), type: "scatter", mode: "lines+markers", x: line.trials, y: line.best,
      line: { color, width: 1.6, dash: DASHES[nth % DASHES.length] }, marker: { color, symbol, size: 6 },
      text: line.best.map((value) => `<b>${asText(line.label)}</b><br>${asText(metric.title)} ${value.toPrecision(4)}`),
      hovertemplate: "%{text}<br>%{x} trials<extra></extra>",
    };
    if (line.default === null) return [found];
    const defaults = {
      type: "scatter", mode: "lines", x: range, y: [line.default, line.default], line: { color, width: 1, dash: "dot" }, showlegend: false,
      hovertemplate: `<b>${asText(line.model)}</b>, defaults<br>${asText(metric.title)} ${line.default.toPrecision(4)}<extra></extra>`,
    };
    return [defaults, found];
  });
}

// Where curves and dotted lines end, with their names.
function searchEnds(lines, right) {
  return lines.flatMap((line) => [
    { family: line.family, label: labelOf(line.model), x: line.trials.at(-1), y: line.best.at(-1) },
    ...(line.default === null ? [] : [{ family: line.family, label: labelOf(`${line.model}, defaults`), x: right, y: line.default }]),
  ]);
}

function searchChart(report, figure, board) {
  const { search } = board;
  const log = checkbox(figure, "log axis", () => draw());
  log.checked = true;
  addDownloads(figure, `${board.title}, best value by trials`, () => {
    const rows = shownSearches(search).flatMap((line) => line.trials.map((trials, place) =>
      [line.label, line.family, trials, line.best[place], line.default]));
    return [["model", "family", "trials", `best ${search.metric.title} (validation)`, "defaults (validation)"], rows];
  });
  async function draw() {
    const plot = figure.querySelector(".plot");
    const layout = baseLayout();
    const lines = shownSearches(search);
    const most = Math.max(1, ...lines.map((line) => line.trials.at(-1)));
    const values = lines.flatMap((line) => [...line.best, line.default]).filter(isKnown);
    layout.xaxis = { ...axisOver(layout, [1, most], false, "trials", "d"), dtick: Math.ceil(most / SEARCH_TICKS) };
    layout.yaxis = axisOver(layout, values, log.checked && isWide(values), `best ${search.metric.title} (validation)`, "~g");
    layout.showlegend = false;
    writeLegend(figure, lines.map((line) => line.family), false);
    const ends = searchEnds(lines, layout.xaxis.range[1]);
    layout.margin.r = Math.min(Math.max(0, ...ends.map((end) => end.label.width)) + COLUMN_GAP + 6, 0.45 * plot.clientWidth);
    layout.height = Math.max(layout.height, NAMELESS_HEIGHT + ends.reduce((sum, end) => sum + end.label.height, 0));
    await drawWithNames(plot, searchTraces(report, lines, search.metric, layout.xaxis.range), layout, (size) => curveNames(report, ends, layout, size));
  }
  return draw;
}

CHARTS.search = searchChart;
