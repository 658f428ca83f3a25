/* The shell: shows the view of each address, and listens to keys. */
"use strict";
let view = null, asked = 0, busy = true;
live.resting = () => !busy && pending === 0;
const saying = (title, ...words) => ({ crumbs: [[title]], content: [el("div.title", heading(title), el("p", words))] });

/* Return what an address shows: {content, crumbs, title, up, keys, wall, layer, unit, attach, detach}. */
async function viewAt([address, text]) {
  const layer = layersBy.get(address), found = text !== undefined && readPlace(text);
  if (address === undefined) return networkPage();
  if (!layer) return saying("No such layer", "This network has no layer ", el("code", shown(address)), " here. ", el("a", { href: hrefTo.network() }, "The whole network"));
  if (text === undefined) return layerPage(layer);
  if (!found || found[0] >= layer.units) return saying("No such unit", el("code", shown(`${address}:${text}`)), " is not a unit of this layer. ", el("a", { href: hrefTo.layer(layer) }, named(address)));
  return unitPage(layer, ...found);
}

/* Take the images that the address names, or the ones that are shown. */
async function takeImages({ image, pin: pinned }) {
  const wanted = image ?? live.image?.name ?? live.names[0];
  try {
    live.image = await imageRecord(wanted);
    if (!image) kit.restate({ image: wanted });
  } catch (error) {
    if (wanted === live.names[0]) throw error;
    tell(coded(error.message));
    live.image ??= await imageRecord(live.names[0]);
    kit.restate({ image: live.image.name });
  }
  live.pinned = pinned ? await imageRecord(pinned).catch(() => null) : null;
}

async function show(address = kit.address()) {
  const mine = ++asked;
  busy = true;
  document.body.setAttribute("aria-busy", "true");
  let next;
  try {
    await takeImages(address.query);
    next = await viewAt(address.parts);
  } catch (error) {
    if (error.stale) { if (mine === asked) busy = false; return true; }
    next = saying("This cannot be shown", coded(error.message));
  }
  if (mine !== asked) return true; // the reader is elsewhere already
  const stays = Boolean(view?.unit && next.unit);
  view?.detach?.();
  live.came = view?.unit ?? live.came;
  view = next;
  drawAside(null);
  kit.byId("view").replaceChildren(...view.content.flat().filter(Boolean));
  const all = [[live.start.model.name, hrefTo.network()], ...view.crumbs], last = all.at(-1);
  document.querySelector(".crumbs ol").replaceChildren(...all.map((crumb) => (crumb === last ? el("li", { "aria-current": "page" }, named(crumb[0])) : el("li", el("a", { href: crumb[1] }, named(crumb[0]))))));
  document.querySelector(".brand").href = hrefTo.network();
  document.title = [view.title ?? shown(last[0]), "convscope"].join(" \u00b7 ");
  kit.byId("view").querySelector("h1")?.focus({ preventScroll: true });
  document.body.removeAttribute("aria-busy");
  let placed = stays;
  try { placed = await view.attach?.() || stays; } catch (error) { if (!error.stale) tell(coded(error.message)); }
  if (mine === asked) busy = false;
  return placed;
}
live.show = show;

/* -- keys -- */
const turnLayer = (step) => () => {
  const layer = view.layer ? besideLayer(view.layer, step) : live.start.layers.at(step < 0 ? -1 : 0);
  if (!layer) return false;
  go(view.unit ? hrefTo.unit(layer, live.image.layers[layer.n].channels[0]) : hrefTo.layer(layer));
  return true;
};
const turnWay = () => {
  if (!view.unit) return false;
  const ways = waysOf(view.layer);
  go(here({ way: ways[(ways.indexOf(wayOf(view.layer)) + 1) % ways.length] }));
  return true;
};
const turnSeen = () => { const all = Object.keys(SEEN), next = all[(all.indexOf(stateOf().see ?? "signal") + 1) % all.length]; go(here({ see: next === "signal" ? "" : next })); };
const compare = () => {
  if (!live.pinned) { tell("Pin an image first (s), choose another one, and press c."); return; }
  go(here({ show: stateOf().show === "both" ? "" : "both" }));
};
const enterView = () => kit.enter(view.wall?.element ?? kit.byId("view").querySelector("[data-arrows]"));
const along = (key, step) => ({ act: () => (view.unit ? view.step(step)() : kit.step(key) || enterView()) });
const among = (key, step) => ({ act: () => (view.unit ? stepImage(step) : kit.step(key) || enterView()) });
const press = (title) => () => { const found = kit.byId("view").querySelector(`.taking [title^="${title}"]`); found?.click(); return Boolean(found); };
const keys = () => ({
  ArrowLeft: { ...along("ArrowLeft", -1), words: view?.unit ? "unit before and after; also h and l" : "about in the view; also h, j, k, l", shown: "\u2190 \u2192" }, ArrowRight: along("ArrowRight", 1),
  ArrowUp: { ...among("ArrowUp", -1), ...(view?.unit && { words: "image before and after; also k and j", shown: "\u2191 \u2193" }) }, ArrowDown: among("ArrowDown", 1),
  h: along("ArrowLeft", -1), l: along("ArrowRight", 1), k: among("ArrowUp", -1), j: among("ArrowDown", 1),
  "[": { act: turnLayer(-1), words: "layer before and after", shown: "[ ]" }, "]": { act: turnLayer(1) },
  ",": { act: () => stepImage(-1), words: "image before and after, in every view", shown: ", ." }, ".": { act: () => stepImage(1) },
  ...(view?.unit ? { b: { act: turnWay, words: "the next way to project" }, v: { act: turnSeen, words: "the signal, the image seen through it, or the patch" },
    a: { act: () => view.synthetic.toggle(), words: "climb to a synthetic picture, or stop" }, p: { act: () => document.querySelector(".canvas.map")?.focus(), words: "into the map: arrows move the place that is projected" },
    c: { act: compare, words: "compare with the pinned image" }, z: { act: () => view.zoomed(), words: "zoom" },
    x: { act: () => command(projected()), words: "copy the command of the projection" }, w: { act: () => save(projected()), words: "save the projection as the command draws it" }, e: { act: () => addToScript(projected()), words: "add its command to the script" } } : {}),
  s: { act: pin, words: "pin the image" }, o: { act: choose, words: "open an image; or drop or paste one" }, u: { act: () => copy(location.href, "The link to this view is copied."), words: "copy the link to this view" },
  Escape: { shown: "Esc", act: () => go(view.up ?? hrefTo.network()), words: "up: to the layer, to the network" }, t: { act: kit.turnTheme, words: "light or dark" }, "?": { act: () => kit.help(keys()), words: "these keys" },
});
const projected = () => { const [channel, chosen] = readPlace(kit.address().parts[1]); return viewOf("projection", view.layer, channel, chosen); };

async function open() {
  try { await openLive(); } catch (error) { kit.byId("view").replaceChildren(...saying("The network does not answer", shown(error.message)).content); return; }
  kit.byId("tools-link").addEventListener("click", () => copy(location.href, "The link to this view is copied."));
  kit.byId("tools-keys").addEventListener("click", () => kit.help(keys()));
  kit.listen(keys);
  listenToDrops();
  await kit.route(show);
}
open();
