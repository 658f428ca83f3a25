/* What a unit is made of, and what it feeds: a drawing in three columns that one can walk through. */
"use strict";
const THICKEST = 7; // pixels, of a page whose letters have the usual size

/* Return {element, attach, detach}, or null where nothing is known. */
const circuitOf = (layer, units, channel, detail) => {
  const { inputs = [], feeds = [] } = detail, patterns = patternsOf(detail.patterns ?? []);
  if (!inputs.length && !feeds.length) return null;
  const most = Math.max(0, ...patterns.map(({ data, scale }) => data.reduce((best, value) => Math.max(best, Math.abs(value)),
    0) * scale / 127));
  const wires = svg("svg.wires", { "aria-hidden": "true", preserveAspectRatio: "none" }),
    centre = el("div.centre", pictureOf(layer, units, channel), captionOf(layer, channel));
  const linkOf = (verb) => ([n, from, weight, pattern]) => {
    const tile = unitTile(n, from, `${weight > 0 ? "+" : "\u2212"}${number(Math.abs(weight))}`, verb,
      pattern !== undefined && patternOf(patterns[pattern], most));
    tile.classList.add("wired");
    tile.dataset.strength = weight;
    return tile;
  };
  /* What excites, then what inhibits; `lists`: of each its title, and what a screen reader says of a link. */
  const column = (title, name, links, empty, ...lists) => el("div.side", arrows, el("h3", title), lists.map(([words, verb], place) => {
    const some = links.filter(([, , weight]) => (weight < 0) === (place > 0));
    return some.length > 0 && [el("p.small.muted", words), el(`div.links.${name}`, some.map(linkOf(verb)))];
  }), !links.length && el("p.muted", empty));
  const left = column("Made of", "inputs", inputs, "The image itself.", ["Inputs that excite it", "excites"], ["Inputs that inhibit it", "inhibits"]),
    right = column("Feeds", "feeds", feeds, "No measured layer above.", ["Units that it excites", "is excited"], ["Units that it inhibits", "is inhibited"]);
  const element = el("div.circuit", wires, left, centre, right);

  function connect() {
    const box = element.getBoundingClientRect(), to = centre.firstChild.getBoundingClientRect(), rem = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    const wiresOf = (column, side, target, away) => {
      const tiles = [...column.querySelectorAll(".wired")], weights = tiles.map((tile) => Number(tile.dataset.strength)),
        most = Math.max(...weights.map(Math.abs));
      return tiles.map((tile, place) => {
        const from = tile.getBoundingClientRect(), x1 = from[side] - box.left + away, x2 = to[target] - box.left - away, bend = (x1 + x2) / 2,
          y1 = from.top + from.height / 2 - box.top, y2 = to.top - box.top + to.height * (place + 0.5) / tiles.length, weight = weights[place];
        return svg(weight < 0 ? "path.inhibits" : "path.excites",
          { d: `M${x1} ${y1}C${bend} ${y1} ${bend} ${y2} ${x2} ${y2}`, "stroke-width": (1 + (THICKEST - 1) * Math.abs(weight) / most) * rem });
      });
    };
    wires.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    if (getComputedStyle(wires).display !== "none") wires.replaceChildren(...wiresOf(left, "right", "left", 4), ...wiresOf(right, "left", "right", -4));
  }
  const watcher = new ResizeObserver(connect);
  return { element, attach: () => watcher.observe(element), detach: () => watcher.disconnect() };
};
