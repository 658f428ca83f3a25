/* The shell: shows the page of each address, says what is missing, listens to keys. */
"use strict";
let view = null, busy = true;
const search = () => kit.byId("search"), board = () => kit.byId("view"), mapLink = () => kit.byId("tools-map");

atlas.resting = () => !busy && kit.resting();
/* A file that is not there is one thing, a fault of the page's own another: [heading, sentence]. */
function wordsOf(error) {
  if (error.missing) return ["Part of this atlas is missing", `${shown(error.message)} Make it again, or copy the whole folder.`];
  console.error(error);
  return ["This page has a fault", `${shown(error.message)}. Report it with its address.`];
}
const fail = (error) => {
  const [title, sentence] = wordsOf(error);
  board().querySelector(".missing")?.remove();
  board().prepend(el("p.missing.empty", { role: "alert" }, el("b", `${title}. `), sentence));
};

/* Return what an address shows, or something false where nothing has it: {content, crumbs, title (else the last crumb's), up (else the
   whole network), keys, wall, first (where the arrows enter, else the wall), attach, detach}. */
function viewOf({ parts: [first, ...rest], query }) {
  const [second] = rest, layer = first !== undefined && layerAt(first), id = Number(second);
  if (first === undefined) return overviewPage(query);
  if (first === "image" && atlas.start.images) return second === undefined ? imagesPage() : placeOf(id) !== undefined && imagePage(id);
  if (first === "class") return classPage(rest.join(":"));
  if (first === "search") return searchPage(query);
  return layer && (second === undefined ? layerPage(layer, query) : /^\d+$/.test(second) && id < layer.units && unitPage(layer, id));
}
const saying = (title, ...words) => ({ crumbs: [[title]], content: [el("div.title", heading(title), el("p", words))] });
const nothing = (parts) => saying("Nothing here", "This atlas holds nothing called ", el("code", shown(parts.join(":"))), ". ",
  el("a", { href: "#" }, "The whole network"));

async function show(address) {
  busy = true;
  document.body.setAttribute("aria-busy", "true");
  const asked = location.hash;
  let next;
  try { next = await viewOf(address) || nothing(address.parts); } catch (error) { next = saying(...wordsOf(error)); }
  if (asked !== location.hash) return; // the reader is elsewhere already
  (view?.detach ?? view?.wall?.detach)?.();
  const typing = document.activeElement === search();
  atlas.came = view?.unit;
  view = next;
  mapLink().href = view.map ?? "map/index.html";
  board().replaceChildren(...view.content.flat().filter(Boolean));
  board().classList.toggle("roomy", Boolean(view.wall));
  const all = [[atlas.start?.title ?? "Atlas", "#"], ...view.crumbs], last = all.at(-1);
  document.querySelector(".crumbs ol").replaceChildren(...all.map((crumb) => (crumb === last
    ? el("li", { "aria-current": "page" }, named(crumb[0])) : el("li", el("a", { href: crumb[1] }, named(crumb[0]))))));
  document.title = [view.title ?? shown(last[0]), ...(all[1] ? [shown(all[0][0])] : [])].join(" \u00b7 ");
  if (!typing) {
    search().value = address.parts[0] === "search" ? address.query.q || "" : "";
    board().querySelector("h1")?.focus({ preventScroll: true });
  }
  let placed = false;
  try { placed = await view.attach?.(); } catch (error) { fail(error); }
  document.body.removeAttribute("aria-busy");
  busy = false;
  return placed;
}

/* A list of the layers that shrinks while one types. */
function goTo() {
  const list = el("ul.choices"), box = el("input.field", { type: "search", placeholder: "Layer", label: "Name of a layer" });
  const dialog = kit.overlay("Go to a layer", el("h2", "Go to a layer"), box, list);
  const draw = () => list.replaceChildren(...atlas.start.layers.filter(({ address }) => shown(address).toLowerCase().includes(box.value.toLowerCase())).map((layer) =>
    el("li", el("a", { href: hrefTo.layer(layer), onclick: () => dialog.close() }, named(layer.address),
      el("small.muted", counted(layer.units, "unit"))))));
  box.addEventListener("input", draw);
  dialog.addEventListener("keydown", (event) => {
    const links = [...list.querySelectorAll("a")], at = links.indexOf(document.activeElement), step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter" && at < 0 && links.length) { event.preventDefault(); links[0].click(); }
    if (step) { event.preventDefault(); (links[at + step] || box).focus(); }
  });
  draw();
  box.focus();
}

const keys = () => ({
  "/": { act: () => search().select(), words: "search" }, g: { act: goTo, words: "go to a layer" },
  ArrowDown: { act: () => kit.enter(view.first ?? view.wall?.element ?? board().querySelector("[data-arrows]")),
    words: "into the page, and about", shown: "\u2190 \u2191 \u2192 \u2193" }, ...view?.keys,
  Escape: { shown: "Esc", act: () => { location.hash = view.up ?? "#"; }, words: "up: to the layer, to the network" },
  h: { act: () => { location.hash = "#"; }, words: "the whole network" },
  ...(atlas.start?.map ? { m: { act: () => mapLink().click(), words: "the map of images" } } : {}),
  t: { act: kit.turnTheme, words: "light or dark" }, "?": { act: () => kit.help(keys()), words: "these keys" },
});

async function open() {
  try { await openAtlas(); } catch (error) { board().replaceChildren(...saying(...wordsOf(error)).content); return; }
  mapLink().hidden = !atlas.start.map;
  let typing = 0;
  const find = () => {
    const target = hrefTo.search(search().value.trim());
    if (kit.address().parts[0] === "search") { history.replaceState(null, "",
      target); show(kit.address()); } else if (search().value.trim()) location.hash = target;
  };
  search().addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(find, 200); });
  search().addEventListener("keydown", (event) => {
    if (event.key === "Enter") { clearTimeout(typing); find(); }
    if (event.key === "ArrowDown" || event.key === "Enter") { event.preventDefault(); kit.enter(board().querySelector("[data-arrows]")); }
  });
  kit.byId("tools-keys").addEventListener("click", () => kit.help(keys()));
  kit.listen(keys);
  await kit.route(show);
}
document.readyState === "loading" ? addEventListener("DOMContentLoaded", open) : open();
