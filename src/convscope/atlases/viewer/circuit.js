/* What a unit is made of, and what it feeds: a drawing in three columns that one can walk through. */
"use strict";
(() => {
  const THICKEST = 7; // pixels, of a page whose letters have the usual size

  /* Return {element, attach, detach}, or null where nothing is known. */
  atlas.circuit = (layer, units, channel, detail) => {
    const { inputs = [], feeds = [] } = detail, patterns = atlas.patterns(detail.patterns ?? []);
    if (!inputs.length && !feeds.length) return null;
    const most = Math.max(0, ...patterns.map(({ data, scale = 127 }) => data.reduce((best, value) => Math.max(best, Math.abs(value)),
      0) * scale / 127));
    const wires = svg("svg.wires", { "aria-hidden": "true" }),
      centre = el("div.centre", atlas.picture(layer, units, channel), atlas.caption(layer, channel));
    const made = (links, verb) => links.map(([n, from, weight, pattern]) => {
      const tile = atlas.unitTile(n, from, `${weight > 0 ? "+" : "\u2212"}${number(Math.abs(weight))}`, verb,
        pattern !== undefined && atlas.pattern(patterns[pattern], most));
      tile.classList.add("wired");
      tile.dataset.strength = weight;
      return tile;
    });
    const column = (title, ...lists) => el("div.side", arrows, el("h3", title), lists);
    const list = (title, name, links) => (links.length ? [el("p.small.muted", title), el(`div.links.${name}`, links)] : null);
    const excite = inputs.filter(([, , weight]) => weight >= 0), inhibit = inputs.filter(([, , weight]) => weight < 0),
      up = feeds.filter(([, , weight]) => weight >= 0), down = feeds.filter(([, , weight]) => weight < 0);
    const left = column("Made of", list("Inputs that excite it", "excite", made(excite, "excites")),
      list("Inputs that inhibit it", "inhibit", made(inhibit, "inhibits")), inputs.length ? null : el("p.muted", "The image itself."));
    const right = column("Feeds", list("Units that it excites", "feeds", made(up, "is excited")),
      list("Units that it inhibits", "feeds", made(down, "is inhibited")), feeds.length ? null : el("p.muted", "No measured layer above."));
    const element = el("div.circuit", wires, left, centre, right);

    function connect() {
      const box = element.getBoundingClientRect(), to = centre.firstChild.getBoundingClientRect(),
        strongest = (links) => Math.max(1e-9, ...links.map((link) => Math.abs(link.dataset.strength)));
      const all = [...left.querySelectorAll(".wired")], out = [...right.querySelectorAll(".wired")],
        most = { left: strongest(all), right: strongest(out) }, rem = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
      const wire = (tile, place, many, side) => {
        const from = tile.getBoundingClientRect(), weight = Number(tile.dataset.strength), y1 = from.top + from.height / 2 - box.top,
          y2 = to.top - box.top + to.height * (place + 0.5) / many;
        const [x1, x2] = side === "left" ? [from.right - box.left + 4, to.left - box.left - 4] : [from.left - box.left - 4, to.right - box.left + 4],
          bend = (x1 + x2) / 2;
        return svg(weight < 0 ? "path.inhibits" : "path.excites",
          { d: `M${x1} ${y1}C${bend} ${y1} ${bend} ${y2} ${x2} ${y2}`, "stroke-width": (1 + (THICKEST - 1) * Math.abs(weight) / most[side]) * rem });
      };
      const flat = getComputedStyle(wires).display === "none";
      wires.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
      wires.replaceChildren(...(flat ? [] : [...all.map((tile, place) => wire(tile, place, all.length, "left")),
        ...out.map((tile, place) => wire(tile, place, out.length, "right"))]));
    }
    const watcher = new ResizeObserver(connect);
    return { element, attach: () => watcher.observe(element), detach: () => watcher.disconnect() };
  };
})();
