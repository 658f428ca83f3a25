/* The network as rows from its input to its output: blocks fold, and edges that pass over rows are drawn beside them. */
"use strict";
const LONGEST = 44; // rows that stand open at first
const LANE = 9, TURN = 7; // pixels

/* Return the tree of blocks: [{node} or {path, name, rows: [...]}], in the order of the nodes. */
function blocks(nodes) {
  const root = { rows: [] };
  for (const node of nodes) {
    let inside = root;
    node.block.forEach((name, depth) => {
      const path = node.block.slice(0, depth + 1).join("/"), last = inside.rows.at(-1);
      if (last?.path !== path) inside.rows.push({ path, name, rows: [] });
      inside = inside.rows.at(-1);
    });
    inside.rows.push({ node });
  }
  return plainer(root).rows;
}
/* A block of one row is that row, and one block around everything says nothing. */
function plainer(block) {
  const rows = block.rows.map((row) => (row.rows ? plainer(row) : row)).map((row) => (row.rows?.length === 1 ? row.rows[0] : row));
  return { ...block, rows };
}
const nodesOf = (row) => (row.node ? [row.node] : row.rows.flatMap(nodesOf));
const layersOf = (row) => nodesOf(row).map((node) => layerOf(node.layer)).filter(Boolean);
const blocksOf = (rows) => rows.filter((row) => row.rows).flatMap((row) => [row, ...blocksOf(row.rows)]);

/* The eight most telling units of a layer. */
function strip(layer) {
  const made = layer.pictured[0] === "1" || layer.done[0] === "1";
  return el("div.strip", layer.first.map((channel, place) => el("a.tile", { href: hrefTo.unit(layer, channel), title: addressOf(layer, channel) },
    made ? cellOf("overview", layer.place * 8 + place, 8, Math.max(48, layer.size)) : el("i.blank"))));
}

function line(row, fold) {
  const { node } = row, layers = layersOf(row), layer = layers.at(-1);
  if (node && !layer) return el("div.step", el("span", named(node.address)), el("small", shown(node.kind)), el("small", dimensions(node.shape)));
  const units = layers.reduce((sum, one) => sum + one.units, 0), silent = layers.reduce((sum, one) => sum + one.dead + one.silent, 0),
    remarks = layers.flatMap((one) => one.remarks).join("\n");
  const name = node ? el("a.address", { href: hrefTo.layer(layer) }, named(layer.address))
    : el("button.address", { "aria-expanded": "false", onclick: fold }, named(row.name));
  const facts = [layers.length > 1 && counted(layers.length, "layer"), layer && counted(units, "unit"),
    layer && node && dimensions(layer.shape), layer && node && shown(layer.kind)].filter(Boolean);
  return el("div.layer", el("div.words", name, el("small", facts.join(" \u00b7 ")),
    silent > 0 && el("span.badge.warning", `${silent} silent`), remarks && el("span.badge", { title: remarks }, "remark")),
  layer && [el("div.field-of", fieldMark(layer), el("small", fieldOf(layer).replace(" pixels", ""))), strip(layer)]);
}

/* Return {element, attach, detach}: the graph; `open`: paths of the blocks that differ from how they stand at first. */
const graphOf = ({ nodes, edges }, turned) => {
  const tree = blocks(nodes), closed = nodes.length > LONGEST, changed = new Set(turned), lanes = svg("svg.lanes", { "aria-hidden": "true" });
  const element = el("div.graph", arrows), rows = new Map(); // node -> its row, or that of the block that holds it
  const isOpen = (row) => closed === changed.has(row.path);

  function turn(row) {
    if (!changed.delete(row.path)) changed.add(row.path);
    kit.restate({ fold: [...changed].join("|") });
    draw();
    element.querySelector(`[data-path="${CSS.escape(row.path)}"]`)?.focus();
  }
  function put(row, depth, into) {
    if (row.node || !isOpen(row)) {
      const made = el("div.row", { "--depth": depth }, line(row, () => turn(row)));
      made.querySelector("button")?.setAttribute("data-path", row.path);
      nodesOf(row).forEach((node) => rows.set(node.id, made));
      into.append(made);
      return;
    }
    const head = el("button.address", { "aria-expanded": "true", "data-path": row.path, onclick: () => turn(row) }, named(row.name));
    const inside = el("div.inside"), layers = layersOf(row), units = layers.reduce((sum, one) => sum + one.units, 0);
    into.append(el("div.block", el("div.head", head, el("small", [counted(layers.length, "layer"), counted(units, "unit")].join(" \u00b7 "))),
      inside));
    row.rows.forEach((one) => put(one, depth + 1, inside));
  }
  function draw() {
    rows.clear();
    element.replaceChildren(lanes);
    tree.forEach((row) => put(row, 0, element));
    connect();
  }

  /* Straight where a row follows the next; around the rows between, each in the innermost lane that is free. */
  function connect() {
    const box = element.getBoundingClientRect(), order = [...new Set(rows.values())], number = new Map(order.map((row, place) => [row, place]));
    if (!box.height) return;
    const y = order.map((row) => { const { top, height } = row.getBoundingClientRect(); return top + height / 2 - box.top; });
    const pairs = [...new Set(edges.map(([from, to]) => [number.get(rows.get(from)), number.get(rows.get(to))].sort((a, b) => a - b).join()))]
      .map((pair) => pair.split(",").map(Number)).filter(([a, b]) => b > a).sort(([a, b], [c, d]) => b - a - (d - c)); // one whose end is not drawn has b 0
    const used = [], lane = pairs.map(([a, b]) => {
      if (b === a + 1) return -1;
      let free = 0;
      while (used[free]?.some(([c, d]) => a < d && c < b)) free++;
      (used[free] ||= []).push([a, b]);
      return free;
    });
    const spine = used.length * LANE + 8;
    const paths = pairs.map(([a, b], place) => {
      const x = spine - (lane[place] + 1) * LANE;
      return svg("path", { d: x < spine ? `M${spine} ${y[a]}C${x} ${y[a]} ${x} ${y[a] + TURN} ${x} ${y[a] + 2 * TURN}V${y[b] - 2 * TURN}C${x} ${y[b] - TURN} ${x} ${y[b]} ${spine} ${y[b]}` : `M${spine} ${y[a]}V${y[b]}` });
    });
    element.style.setProperty("--lanes", `${spine + 12}px`);
    lanes.setAttribute("viewBox", `0 0 ${spine + 12} ${box.height}`);
    lanes.style.width = `${spine + 12}px`;
    lanes.style.height = `${box.height}px`;
    lanes.replaceChildren(...paths, ...order.map((row, place) => svg(row.querySelector(".layer") ? "circle.stop" : "circle",
      { cx: spine, cy: y[place] })));
  }
  const watcher = new ResizeObserver(connect);
  const foldAll = (open) => {
    changed.clear();
    if (open === closed) blocksOf(tree).forEach((row) => changed.add(row.path));
    kit.restate({ fold: [...changed].join("|") });
    draw();
  };
  return { element, foldAll, folds: blocksOf(tree).length > 0, attach: () => { draw(); watcher.observe(element); },
    detach: () => watcher.disconnect() };
};
