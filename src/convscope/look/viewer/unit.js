/* A unit on this image: its map, what came down to the pixels, a synthetic picture, the strongest images of the run, numbers. */
"use strict";
const WAYS = { switches: ["Switches", "Down to the pixels, through the recorded maxima"], spread: ["Without", "Down to the pixels, without switches"],
  guided: ["Guided", "Guided backprop: what raises the unit, along paths that fired"], gradient: ["Gradient", "The plain gradient: what changes the unit"] };
const SEEN = { signal: "Signal", through: "Image", patch: "Patch" };
const waysOf = (layer) => Object.keys(WAYS).filter((way) => way !== "spread" || layer.pooled);
const wayOf = (layer) => { const ways = waysOf(layer), { way } = stateOf(); return ways.includes(way) ? way : ways[0]; };
const climbed = new Map(); // pictures that have grown, by unit
let lastPicture = null; // stands until the next one is here
const placeWords = (position) => position && `row ${position[0]}, column ${position[1]}`;
const partOf = (title, holder, caption, choice, taking, more) => el("figure.part", el("div.head-of", el("h2", title), choice), holder, taking, el("figcaption", caption), more);
const big = (record, ...content) => el("div.canvas", { "--ratio": record.size[1] / record.size[0] }, content);

/* A whole map that one can click: each place is the address of one neuron. */
function mapBoard(layer, channel, record, detail, most, signed, chosen, words) {
  const { map, height, width } = detail, at = chosen ?? detail.position, value = el("output.under");
  const board = el("div.canvas.map", { "--ratio": record.size[1] / record.size[0], tabindex: 0, role: "application", label: words },
    drawMap(el("canvas"), map, width, height, signed, most));
  const mark = svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none" }, svg("rect", { x: at[1], y: at[0], width: 1, height: 1 }));
  const placeOf = (event) => {
    const box = board.getBoundingClientRect(), within = (share, side) => Math.max(0, Math.min(side - 1, Math.floor(share * side)));
    return [within((event.clientY - box.top) / box.height, height), within((event.clientX - box.left) / box.width, width)];
  };
  const say = ([row, column]) => { value.textContent = `${number(map[row * width + column])} at ${placeWords([row, column])}`; };
  const choosePlace = ([row, column]) => go(hrefTo.unit(layer, `${channel}@${row},${column}`));
  board.append(mark, value);
  board.addEventListener("pointermove", (event) => say(placeOf(event)));
  board.addEventListener("pointerleave", () => { value.textContent = ""; });
  board.addEventListener("click", (event) => choosePlace(placeOf(event)));
  board.addEventListener("keydown", (event) => {
    const [dy, dx] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] ?? [0, 0];
    if (!dy && !dx) return;
    event.preventDefault();
    live.onPlace = true;
    choosePlace([Math.max(0, Math.min(height - 1, at[0] + dy)), Math.max(0, Math.min(width - 1, at[1] + dx))]);
  });
  return board;
}

/* The map on this image; or, beside it, on the pinned one, and what the one has more than the other. */
function mapPart(layer, channel, chosen, details) {
  const [own, other] = details, flat = !own.map;
  if (flat) return partOf("Value", el("div.values", details.map((one, k) => el("p.large.number", number(one.value), other && el("small.muted", k ? " pinned" : " this image")))),
    own.ranked ? [`Units of this layer are ranked by `, el("code", shown(own.ranked)), "."] : "The layer has one number for each unit.", null, taking("map", layer, channel, chosen));
  const most = mostOf(...details.map(({ map }) => map)), signed = details.some(({ map }) => hasNegative(map));
  const words = `Map of ${addressOf(layer, channel)}; arrows move the place that is projected`;
  const board = mapBoard(layer, channel, live.image, own, most, signed, chosen, words);
  const scale = signed ? "Red is positive, blue negative, pale grey zero." : "Black is zero.", told = `${scale} Click a place to project from it.`;
  if (!other) return partOf("Map", board, [`${own.height} \u00d7 ${own.width}. `, told], null, taking("map", layer, channel, chosen));
  const beside = big(live.pinned, drawMap(el("canvas"), other.map, other.width, other.height, signed, most)), same = other.map.length === own.map.length;
  const apart = same && own.map.map((value, place) => value - other.map[place]);
  return partOf("Maps", el("div.duo", el("div", board, el("small", "This image, ", number(own.value))), el("div", beside, el("small", "Pinned, ", number(other.value))),
    apart && el("div", big(live.image, drawMap(el("canvas"), apart, own.width, own.height, true, mostOf(apart))), el("small", "Difference: red where this image has more"))),
  ["The two maps share a scale. ", told], null, taking("map", layer, channel, chosen));
}

function projectionPart(layer, channel, chosen, images) {
  const way = wayOf(layer), { see = "signal" } = stateOf(), holder = el("div.canvas", { "--ratio": live.image.size[1] / live.image.size[0] }, lastPicture?.cloneNode()),
    caption = el("span", WAYS[way][1], "."), notes = el("details.small");
  holder.firstChild?.classList.add("old");
  const ways = choiceOf("How the signal goes down", waysOf(layer).map((one) => [one, WAYS[one][0]]), way, (one) => go(here({ way: one })));
  const seen = choiceOf("What is drawn", Object.entries(SEEN), see in SEEN ? see : "signal", (one) => go(here({ see: one === "signal" ? "" : one })));
  const element = partOf("Projection", holder, caption, seen, taking("projection", layer, channel, chosen), [ways, notes]);
  element.classList.add("way");
  const isSmall = ({ part: [top, left, bottom, right] }) => Math.max(bottom - top, right - left) < SOFT;
  const pictureOf = (one, record) => (one.excited ? el(isSmall(one) ? "img.crisp" : "img", { src: see === "through" ? one.through : see === "patch" ? one.patch : one.picture,
    alt: `${WAYS[way][0]}: ${addressOf(layer, channel)} on ${shown(record.title)}` }) : el("p.empty", "This image does not excite the unit", chosen ? " there." : "."));
  const load = async () => {
    const told = await ask("projection", { image: images.map(({ name }) => name), unit: unitText(layer, channel, chosen), way }), [own] = told.shown;
    const drawn = told.shown.map((one, k) => pictureOf(one, images[k]));
    lastPicture = own.excited ? drawn[0] : null;
    holder.replaceChildren(drawn[0]);
    if (drawn[1]) holder.replaceWith(el("div.duo.two", el("div", holder.cloneNode(true), el("small", "This image")), el("div", big(images[1], drawn[1]), el("small", "Pinned, on the same scale"))));
    caption.replaceChildren(...[WAYS[way][1], ". ", own.excited && ({ through: "The image where the projection has energy. ", patch: "What the unit sees of the image. " }[see] ?? "Mid-grey is zero. "),
      own.excited && own.position && `From ${placeWords(own.position)}${chosen ? "" : ", where it is strongest"}: ${number(own.value)}.`, told.steady && " The image decides only its size."].filter(Boolean));
    notes.replaceChildren(...(told.notes.length ? [el("summary", "Notes"), el("ul.notes", told.notes.map((one) => el("li", coded(one))))] : []));
    // Of equal values, such as those of a flat activation, the projection knows the place.
    if (own.position) for (const mark of document.querySelectorAll(".canvas.map rect")) { mark.setAttribute("y", own.position[0]); mark.setAttribute("x", own.position[1]); }
    drawAside(own.field);
  };
  return { element, load };
}

/* A picture that grows when it is asked for. */
function syntheticPart(layer, channel) {
  const address = `${layer.address}:${channel}`, holder = el("div.canvas", { "--ratio": 1 }), caption = el("span"), button_ = el("button.button", { title: "Climb, or stop (a)" });
  let stop = null;
  const picture = (src) => { const [first] = holder.children; if (first?.tagName === "IMG") first.src = src; else holder.replaceChildren(el("img", { src, alt: `Synthetic picture of ${shown(address)}` })); };
  const finish = (words) => { stop = null; button_.textContent = "Climb again"; caption.textContent = words; };
  const draw = () => {
    const known = climbed.get(address);
    if (known) { picture(known.picture); finish(known.words); } else {
      holder.replaceChildren(el("div.offer", el("p", "Gradient ascent makes an image that excites the unit.")));
      button_.textContent = "Climb";
    }
  };
  const hear = (told) => {
    if (told.error) { finish(shown(told.error)); return; }
    if (told.picture) picture(told.picture);
    if (!told.done) { caption.textContent = told.step ? `Step ${told.step} of at most ${told.steps}.` : "Getting ready."; return; }
    const words = told.dead ? "No picture excites the unit." : `Done. It reaches ${number(told.score)}.`;
    climbed.set(address, { picture: told.picture, words });
    if (climbed.size > KEPT) climbed.delete(climbed.keys().next().value);
    finish(words);
  };
  const toggle = () => {
    if (stop) { stop(); finish("Stopped."); return; }
    caption.textContent = "Getting ready.";
    button_.textContent = "Stop";
    stop = follow("climb", { unit: address }, hear);
  };
  button_.addEventListener("click", toggle);
  draw();
  const load = async () => {
    if (!live.start.atlas || climbed.has(address)) return;
    const { picture: made } = await askOnce("synthetic", { unit: address });
    if (made && !stop && !climbed.has(address)) { picture(made); caption.textContent = "From the atlas. Climb for a picture of full size."; }
  };
  return { element: partOf("Synthetic", holder, caption, button_, taking("synthetic", layer, channel)), toggle, load, detach: () => stop?.() };
}

/* The units beside it in the order of the wall. */
const FILM = 12;
const filmPart = (layer, channel, record, order) => {
  const at = order.indexOf(channel), first = Math.max(0, Math.min(at - FILM / 2, order.length - FILM));
  return el("section.film", el("h2", "Beside it on this image"), el("div.frames", arrows, order.slice(first, first + FILM).map((one) => {
    const tile = layerTile(layer, record, one, stateOf().sort);
    if (one === channel) tile.setAttribute("aria-current", "true");
    return tile;
  })));
};

/* What the run knows of the unit. */
const topsPart = async (layer, channel) => {
  if (!live.start.run?.layers.includes(layer.address)) return null;
  const told = await askOnce("tops", { unit: `${layer.address}:${channel}` });
  const nine = el("div.nine", arrows, told.tops.map((one) => el("a.tile", { href: here({ image: one.image }), title: shown(one.name), label: `${shown(one.label ?? one.name)}, ${number(one.value)}` },
    el("i", one.picture ? el("img", { src: one.picture, alt: "" }) : null), el("small", el("b", number(one.value)), " ", one.label && named(one.label)))));
  const facts = factsOf([["Fires on", percent(told.fires)], ["Mean", number(told.mean)], ["Largest", number(told.largest)]]);
  return el("section.in-run", el("h2", "In the run"), note(`The strongest of ${number(live.start.run.images)} images, cut to what the unit sees. Each opens here.`),
    el("div.pair", told.tops.length ? nine : el("p.empty", "No image excites it."), el("div", facts,
      told.classes.length > 0 && barsOf(told.classes.map(([name, mean]) => ({ name: named(name), value: mean, words: number(mean) }))), taking("top", layer, channel))));
};

const unitText = (layer, channel, chosen) => `${layer.address}:${channel}${chosen ? `@${chosen.join(",")}` : ""}`;
const readPlace = (text) => { const found = /^(\d+)(?:@(\d+),(\d+))?$/.exec(text); return found && [Number(found[1]), found[2] === undefined ? null : [Number(found[2]), Number(found[3])]]; };

const unitPage = async (layer, channel, chosen) => {
  const both = stateOf().show === "both" && live.pinned, images = both ? [live.image, live.pinned] : [live.image], text = unitText(layer, channel, chosen);
  const [record, { shown: details }] = await Promise.all([wallRecord(layer), askOnce("unit", { image: images.map(({ name }) => name), unit: text })]);
  const [own] = details, order = orderOf(record, stateOf()), at = order.indexOf(channel), name = nameOf(layer, channel);
  const map = mapPart(layer, channel, chosen, details), projection = projectionPart(layer, channel, chosen, images), synthetic = syntheticPart(layer, channel);
  const unitLink = (step, words) => el("a.button", order[at + step] === undefined ? { "aria-disabled": "true" } : { href: hrefTo.unit(layer, order[at + step]), title: addressOf(layer, order[at + step]) }, words);
  const facts = [["Largest value", number(own.value)], own.map && ["Above zero", percent(own.active)], ["Rank here", `${number(own.rank + 1)} of ${number(layer.units)}`],
    ["Sees", layer.field ? `${layer.field} \u00d7 ${layer.field} pixels` : "the whole image"], record.above && ["In the run", `more than ${percent(record.above[channel])} of the images`],
    own.ranked && ["Ranked by", el("code", shown(own.ranked))], own.spoilt && ["Not finite", "Its weights or values are NaN or infinite."]].filter(Boolean);
  const step = (by) => () => { const other = order[at + by]; if (other !== undefined) go(hrefTo.unit(layer, other)); return other !== undefined; };
  let alive = true, rest = null;
  return {
    title: text, crumbs: [[layer.address, hrefTo.layer(layer)], [String(channel)]], up: hrefTo.layer(layer), layer, unit: { layer: layer.n, channel }, step, synthetic, zoomed: () => zoomOf(text),
    content: [el("div.title", el("div.head-of", heading(named(layer.address), el("span.muted", ":"), String(channel), chosen && el("span.muted", ` @ ${chosen.join(", ")}`)),
      el("nav.beside", { label: "Units beside it" }, el("span.muted.small.number", `${number(at + 1)} of ${number(order.length)}`), unitLink(-1, "\u2190"), unitLink(1, "\u2192"))), name && el("p.called", named(name)),
    chosen && el("p.small", "Projected from one place of its map. ", el("a", { href: hrefTo.unit(layer, channel) }, "From where it is strongest"))),
    el(both ? "div.trio.both" : "div.trio", map, projection.element, !both && synthetic.element), el("div.facts-line", factsOf(facts)), filmPart(layer, channel, record, order), rest = el("div.rest")],
    attach: async () => {
      if (live.onPlace) { document.querySelector(".canvas.map")?.focus({ preventScroll: true }); live.onPlace = false; }
      try { await projection.load(); } catch (error) { if (alive && !error.stale) projection.element.querySelector("figcaption").replaceChildren(coded(error.message).length ? el("span.warning", coded(error.message)) : ""); }
      if (alive) await synthetic.load().catch((error) => { if (!error.stale) tell(coded(error.message)); });
      const tops = alive && await topsPart(layer, channel);
      if (alive && tops) rest.replaceChildren(tops);
      if (alive) prepare(layer, channel, 600);
    },
    detach: () => { alive = false; synthetic.detach(); },
  };
};

/* The pictures of the view, as large as the window. */
function zoomOf(text) {
  const pictures = [...document.querySelectorAll(".trio .canvas")].filter((one) => one.querySelector("img, canvas:not(.old)"));
  const copies = pictures.map((one) => {
    const made = one.cloneNode(true), from = one.querySelector("canvas");
    if (from) made.querySelector("canvas").getContext("2d").drawImage(from, 0, 0);
    made.removeAttribute("tabindex");
    return made;
  });
  const box = kit.overlay(shown(text), el("h2", shown(text)), el("div.zoomed", copies));
  box.classList.add("wide-box");
  box.addEventListener("keydown", (event) => { if (event.key === "z") { event.preventDefault(); box.close(); } });
}
