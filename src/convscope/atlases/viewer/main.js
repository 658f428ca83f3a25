/* The shell: shows the page of each address, says what is missing, listens to keys. */
"use strict";
(() => {
  let view = null, busy = true;
  const search = () => kit.byId("search");

  atlas.resting = () => !busy && kit.resting();
  atlas.idle = (act) => (window.requestIdleCallback || setTimeout)(act);
  /* A file that is not there is one thing, a fault of the page's own another: [heading, sentence]. */
  function wordsOf(error) {
    if (error.missing) return ["Part of this atlas is missing", `${shown(error.message)} Make it again, or copy the whole folder.`];
    console.error(error);
    return ["This page has a fault", `${shown(error.message)}. Report it with the address of the page.`];
  }
  atlas.fail = (error) => {
    const [title, sentence] = wordsOf(error);
    kit.byId("view").querySelector(".missing")?.remove();
    kit.byId("view").prepend(el("p.missing.empty", { role: "alert" }, el("b", `${title}. `), sentence));
  };

  /* Return what an address shows: {title, crumbs, content, up, keys, attach, detach}, or null where nothing has it. */
  function viewOf({ parts, query }) {
    const [first, second] = parts, layer = first !== undefined && atlas.layerAt(first), id = Number(second);
    if (first === undefined) return atlas.views.overview({ query });
    if (first === "image" && second === undefined && atlas.start.images) return atlas.views.images();
    if (first === "image" && atlas.start.images) return atlas.placeOf(id) === undefined ? null : atlas.views.image({ id });
    if (first === "class") return atlas.views.class({ name: parts.slice(1).join(":") });
    if (first === "search") return atlas.views.search({ query });
    if (layer && second === undefined) return atlas.views.layer({ layer, query });
    return layer && /^\d+$/.test(second) && id < layer.units ? atlas.views.unit({ layer, channel: id, query }) : null;
  }
  const nothing = (parts) => ({ title: "Nothing here", crumbs: [["Nothing here"]], up: "#",
    content: [el("div.title", heading("Nothing here"), el("p", "This atlas holds nothing called ", el("code", shown(parts.join(":"))), ". "),
    el("p", el("a", { href: "#" }, "The whole network")))] });
  function missing(error) {
    const [title, sentence] = wordsOf(error);
    return { title, crumbs: [[title]], up: "#", content: [el("div.title", heading(title), el("p", sentence))] };
  }

  function crumbs(parts) {
    const all = [[atlas.start?.title ?? "Atlas", "#"], ...parts];
    document.querySelector(".crumbs ol").replaceChildren(...all.map(([words, href],
      place) => (place === all.length - 1 ? el("li", { "aria-current": "page" }, named(words)) : el("li",
      el("a", { href: href ?? kit.link([words]) }, named(words))))));
  }

  async function show(address) {
    busy = true;
    document.body.setAttribute("aria-busy", "true");
    const asked = location.hash;
    let next;
    try { next = await viewOf(address) || nothing(address.parts); } catch (error) { next = missing(error); }
    if (asked !== location.hash) return; // the reader is elsewhere already
    view?.detach?.();
    const typing = document.activeElement === search();
    atlas.came = view?.unit;
    view = next;
    kit.byId("tools-map").href = view.map ?? "map/index.html";
    kit.byId("view").replaceChildren(...view.content.flat().filter(Boolean));
    kit.byId("view").classList.toggle("roomy", Boolean(view.roomy));
    crumbs(view.crumbs);
    document.title = view.crumbs.length ? `${view.title} \u00b7 ${shown(atlas.start.title)}` : view.title;
    if (!typing) {
      search().value = address.parts[0] === "search" ? address.query.q || "" : "";
      kit.byId("view").querySelector("h1")?.focus({ preventScroll: true });
    }
    let placed = false;
    try { placed = await view.attach?.(); } catch (error) { atlas.fail(error); }
    document.body.removeAttribute("aria-busy");
    busy = false;
    return placed;
  }

  /* A list of the layers that shrinks while one types. */
  function goTo() {
    const list = el("ul.choices"), box = el("input.field", { type: "search", placeholder: "Layer", label: "Name of a layer" });
    const dialog = kit.overlay("Go to a layer", el("h2", "Go to a layer"), box, list);
    const draw = () => list.replaceChildren(...atlas.start.layers.filter(({ address }) => shown(address).toLowerCase().includes(box.value.toLowerCase())).map((layer) =>
      el("li", el("a", { href: atlas.href.layer(layer), onclick: () => dialog.close() }, named(layer.address),
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
    ...(view?.keys || {}), ...(view?.first?.matches?.("[data-arrows]") ? { ArrowDown: { act: () => kit.enter(view.first),
      words: "into the page, and about", shown: "\u2190 \u2191 \u2192 \u2193" } } : {}),
    Escape: { shown: "Esc", act: () => { if (view?.up) location.hash = view.up; }, words: "up: to the layer, to the network" },
    h: { act: () => { location.hash = "#"; }, words: "the whole network" },
    ...(atlas.start?.map ? { m: { act: () => kit.byId("tools-map").click(), words: "the map of images" } } : {}),
    t: { act: kit.turnTheme, words: "light or dark" }, "?": { act: () => kit.help(keys()), words: "these keys" },
  });

  async function open() {
    try { await atlas.open(); } catch (error) { kit.byId("view").replaceChildren(...missing(error).content); return; }
    kit.byId("tools-map").hidden = !atlas.start.map;
    let typing = 0;
    const find = () => {
      const target = atlas.href.search(search().value.trim());
      if (kit.address().parts[0] === "search") { history.replaceState(null, "",
        target); show(kit.address()); } else if (search().value.trim()) location.hash = target;
    };
    search().addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(find, 200); });
    search().addEventListener("keydown", (event) => {
      if (event.key === "Enter") { clearTimeout(typing); find(); }
      if (event.key === "ArrowDown" || event.key === "Enter") { event.preventDefault(); kit.enter(kit.byId("view").querySelector("[data-arrows]")); }
    });
    kit.byId("tools-keys").addEventListener("click", () => kit.help(keys()));
    kit.listen(keys);
    await kit.route(show);
  }
  document.readyState === "loading" ? addEventListener("DOMContentLoaded", open) : open();
})();
