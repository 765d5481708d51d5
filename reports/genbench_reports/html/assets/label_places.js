// Where the names of points and curves stand in a chart: near what they name, and never on each other or on a point.
// All lengths are pixels. `charts/label_places.py` does the same for pictures that are made without a browser.

const LABEL_SIZE = 11, LINE_HEIGHT = 13, MARKER_RADIUS = 6;
const FIRST_GAP = 8, RING_STEP = 9, RINGS = 24, DIRECTIONS = 16;
const MOST_NAME_CHARACTERS = 26;

const canvas = document.createElement("canvas").getContext("2d");

// Long names are broken into lines.
function nameLines(name) {
  const lines = [""];
  for (const part of name.split(/(?<=[\s\-_,=:])/)) {
    let rest = part;
    if (lines.at(-1).length + rest.length > MOST_NAME_CHARACTERS && lines.at(-1)) lines.push("");
    while (rest.length > MOST_NAME_CHARACTERS) {
      lines[lines.length - 1] = rest.slice(0, MOST_NAME_CHARACTERS);
      rest = rest.slice(MOST_NAME_CHARACTERS);
      lines.push("");
    }
    lines[lines.length - 1] += rest;
  }
  return lines.map((line) => line.trim()).filter(Boolean);
}

function labelOf(name) {
  const lines = nameLines(name);
  canvas.font = `${LABEL_SIZE}px ${getComputedStyle(document.documentElement).fontFamily}`;
  return {
    text: lines.map(asText).join("<br>"),
    width: Math.max(...lines.map((line) => canvas.measureText(line).width)) + 4,
    height: LINE_HEIGHT * lines.length,
  };
}

function boxAround(x, y, width, height) {
  return { left: x - width / 2, right: x + width / 2, top: y - height / 2, bottom: y + height / 2 };
}

function overlap(a, b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

// From points {x, y, width, height} to the middles of their labels {x, y, isFar}, or null where there is no room.
// Earlier points choose first. frame: the box that labels stay in.
function placeLabels(points, frame) {
  const taken = points.map((point) => boxAround(point.x, point.y, 2 * MARKER_RADIUS, 2 * MARKER_RADIUS));
  return points.map((point) => {
    for (let ring = 0; ring < RINGS; ring += 1) {
      const gap = FIRST_GAP + RING_STEP * ring;
      for (let step = 0; step < DIRECTIONS; step += 1) {
        // right, left, up, down come first
        const quarter = [0, 8, 4, 12][step % 4] + Math.floor(step / 4);
        const angle = (2 * Math.PI * quarter) / DIRECTIONS;
        const x = point.x + Math.cos(angle) * (gap + point.width / 2);
        const y = point.y - Math.sin(angle) * (gap + point.height / 2);
        const box = boxAround(x, y, point.width, point.height);
        const isInside = box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom;
        if (isInside && !taken.some((other) => overlap(box, other))) {
          taken.push(box);
          return { x, y, isFar: ring > 0 };
        }
      }
    }
    return null;
  });
}

// Labels in a column: each as near to its own height as the others allow. Returns the middles, or null where they do not
// fit between `top` and `bottom`.
function stackLabels(labels, top, bottom) {
  const order = labels.map((_, place) => place).sort((a, b) => labels[a].y - labels[b].y);
  if (labels.reduce((sum, label) => sum + label.height, 0) > bottom - top) return null;
  const middles = [];
  let edge = top;
  for (const place of order) {
    middles[place] = Math.max(labels[place].y, edge + labels[place].height / 2);
    edge = middles[place] + labels[place].height / 2;
  }
  edge = bottom;
  for (const place of order.reverse()) {
    middles[place] = Math.min(middles[place], edge - labels[place].height / 2);
    edge = middles[place] - labels[place].height / 2;
  }
  return middles;
}
