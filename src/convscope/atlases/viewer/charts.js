/* Small drawings made of numbers: a histogram, a pattern of weights, what a unit sees of the input. */
"use strict";
const WIDTH = 420, HEIGHT = 132, FOOT = 20, HEAD = 20;

/* A histogram of an image set's maxima; `mark`: the value on the synthetic picture, drawn beside them. */
const histogramOf = ({ edges, counts }, mark) => {
  const marked = Number.isFinite(mark), low = Math.min(edges[0], marked ? mark : Infinity, 0),
    high = Math.max(edges[edges.length - 1], marked ? mark : -Infinity);
  const x = (value) => (value - low) / (high - low || 1) * (WIDTH - 2) + 1, floor = HEIGHT - FOOT, tall = floor - HEAD;
  const sorted = [...counts].sort((a, b) => b - a),
    cut = sorted[0] > 3 * sorted[1] && sorted[1] > 0 ? sorted[1] * 1.3 : sorted[0]; // one bin, mostly that at zero, may hide the rest
  const bars = Array.from(counts, (count, bin) => {
    const height = Math.min(count / cut, 1) * tall, left = x(edges[bin]), width = Math.max(1, x(edges[bin + 1]) - left - 1);
    const bar = svg("rect.bar", { x: left, y: floor - height, width, height },
      svg("title", `${number(edges[bin])} to ${number(edges[bin + 1])}: ${counted(count, "image")}`));
    return count > cut ? [bar, svg("path.break", { d: `M${left - 2} ${HEAD + 12}l${width + 4}-5v4l${-width - 4} 5z` }),
      svg("text", { x: left, y: HEAD - 7 }, counted(count, "image"))] : bar;
  });
  const at = marked ? x(mark) : 0, toLeft = at > WIDTH * 0.6;
  return svg("svg.histogram", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
    label: `Distribution of the maxima, from ${number(edges[0])} to ${number(edges[edges.length - 1])}` },
    bars, svg("path.axis", { d: `M0 ${floor + 0.5}H${WIDTH}` }),
    marked ? [svg("path.mark", { d: `M${at} ${HEAD}V${floor}` }),
      svg(toLeft ? "text.said.end" : "text.said", { x: at + (toLeft ? -5 : 5), y: HEAD + 8 }, `synthetic ${number(mark)}`)] : null,
    svg("text", { x: 0, y: HEIGHT - 5 }, number(low)), svg("text.end", { x: WIDTH, y: HEIGHT - 5 }, number(high)));
};

/* Return patterns one by one; those of one shape come together, with one column of numbers and a scale for each. */
const patternsOf = (groups) => groups.flatMap(({ h, w, scale, data }) => scale.map((one,
  place) => ({ h, w, scale: one, data: data.subarray(place * h * w, (place + 1) * h * w) })));

/* A kernel as coloured squares: blue excites, red inhibits; `most`: the weight that has the full colour. */
const patternOf = ({ h, w, data, scale }, most) => {
  const strongest = data.reduce((best, value, place) => (Math.abs(value) > Math.abs(data[best]) ? place : best), 0);
  const words = `${h} by ${w} pattern, strongest weight ${number(data[strongest] * scale / 127)} in row ${Math.floor(strongest / w) + 1}, column ${strongest % w + 1}`;
  const cells = Array.from(data, (value, place) => svg(value < 0 ? "rect.inhibits" : "rect.excites",
    { x: place % w, y: Math.floor(place / w), width: 1.02, height: 1.02, opacity: Math.abs(value * scale / 127) / (most || 1) }));
  return svg("svg.pattern", { viewBox: `0 0 ${w} ${h}`, role: "img", label: words }, svg("title", words), cells);
};

/* The input as a frame, and in it the receptive field; all filled where a layer sees the whole. */
const fieldMark = (layer) => {
  const [height, width] = atlas.start.model.input, scale = 22 / Math.max(height, width), all = layer.whole || !layer.field;
  const [h, w] = all ? [height, width] : layer.field.map((side, axis) => Math.max(1.5 / scale, Math.min(side, [height, width][axis])));
  const words = all ? "sees the whole image" : `sees ${layer.field.join(" by ")} of ${height} by ${width} pixels`;
  return svg("svg.sees", { viewBox: "0 0 24 24", role: "img", label: words }, svg("title", words),
    svg("rect.input", { x: 12 - width * scale / 2, y: 12 - height * scale / 2, width: width * scale, height: height * scale, rx: 2 }),
    svg("rect.seen", { x: 12 - w * scale / 2, y: 12 - h * scale / 2, width: w * scale, height: h * scale, rx: Math.min(2, w * scale / 4) }));
};
