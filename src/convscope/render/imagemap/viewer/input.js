/* Mouse, touch and keyboard on the map. */
"use strict";
map.listen = () => {
  const { scene, ui, $ } = map, area = $("overlay"), pointers = new Map();
  let dragged = 0, lassoing = false, gap = 0;

  const spread = () => { const [a, b] = pointers.values(); return Math.hypot(a[0] - b[0], a[1] - b[1]); };
  ui.lasso = (on) => {
    lassoing = on;
    $("lasso").setAttribute("aria-pressed", on);
    area.classList.toggle("lasso", on);
    ui.note(on ? "Draw around images." : "");
  };

  area.onpointerdown = (event) => {
    if (event.button > 0) return;
    area.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    dragged = 0;
    if (pointers.size === 2) { gap = spread(); ui.path = null; }
    else if (lassoing || event.shiftKey) ui.path = [[event.clientX, event.clientY]];
  };
  area.onpointermove = (event) => {
    const before = pointers.get(event.pointerId), now = [event.clientX, event.clientY];
    if (!before) { if (event.pointerType !== "touch") ui.hover(scene.pick(...now)); return; }
    const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    dragged += Math.hypot(dx, dy);
    pointers.set(event.pointerId, now);
    if (pointers.size === 2) {
      const [a, b] = pointers.values(), wider = spread();
      scene.pan(dx / 2, dy / 2);
      scene.zoomAt((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, wider / Math.max(1, gap));
      gap = wider;
    } else if (ui.path) {
      ui.path.push(now);
      map.redraw();
    } else if (dragged > 4) {
      ui.hover(-1);
      area.classList.add("drag");
      scene.pan(dx, dy);
    }
  };
  area.onpointerup = area.onpointercancel = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    area.classList.remove("drag");
    if (ui.path) {
      const path = ui.path;
      ui.path = null;
      ui.lasso(false);
      if (path.length > 2 && dragged > 12) scene.lasso = scene.inside(path);
      ui.filter();
    } else if (dragged <= 4 && event.type === "pointerup" && !pointers.size) {
      const rank = scene.pick(event.clientX, event.clientY);
      if (event.pointerType === "touch") ui.hover(-1);
      ui.select(rank === scene.selected ? -1 : rank);
    }
  };
  area.onpointerleave = () => ui.hover(-1);
  area.ondblclick = (event) => scene.zoomAt(event.clientX, event.clientY, 2);
  area.addEventListener("wheel", (event) => {
    event.preventDefault();
    const pixels = event.deltaY * [1, 18, 400][event.deltaMode]; // pixels, lines or pages
    scene.zoomAt(event.clientX, event.clientY, Math.exp(-Math.max(-240, Math.min(240, pixels)) * (event.ctrlKey ? 0.01 : 0.0022)));
  }, { passive: false });

  const centre = () => scene.toScreen(scene.x, scene.y);
  const toggle = (id) => { $(id).hidden = !$(id).hidden; };
  const turn = (layout) => { scene.turn(layout); ui.layout(); };
  ui.layout = () => ["exact", "grid"].forEach((one) => $(one).setAttribute("aria-pressed", scene.layout === one));
  const escape = () => {
    if (ui.path || area.classList.contains("lasso")) { ui.path = null; ui.lasso(false); }
    else if (!$("about").hidden) $("about").hidden = true;
    else if (scene.selected >= 0) ui.select(-1);
    else ui.clear();
  };
  const zoom = (factor) => () => scene.zoomAt(...centre(), factor);
  const keys = {
    ArrowLeft: () => scene.pan(80, 0), ArrowRight: () => scene.pan(-80, 0), ArrowUp: () => scene.pan(0, 80), ArrowDown: () => scene.pan(0, -80),
    "+": zoom(1.5), "=": zoom(1.5), "-": zoom(1 / 1.5), 0: scene.home, Home: scene.home, g: () => turn(scene.layout === "grid" ? "exact" : "grid"),
    c: () => ui.nextColour(), t: kit.turnTheme, l: () => ui.lasso(!lassoing), i: () => toggle("about"), "?": () => kit.help(WORDS), Escape: escape,
    "/": () => $("search").focus(), Enter: () => ui.select(scene.nearest(scene.x, scene.y)),
  };
  const WORDS = Object.fromEntries([
    ["arrows", "move"], ["+ \u2212", "nearer and farther"], ["0", "see everything"], ["Enter", "select the image in the middle"], ["1 to 8", "go to a neighbour of the selected image"],
    ["g", "map or grid"], ["c", "next colouring"], ["l", "lasso: draw around images"], ["/", "search names and classes"], ["i", "about this map"], ["t", "light or dark"], ["Esc", "back"],
  ].map(([key, words]) => [key, { words }]));
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.matches("input:not([type=radio]), select") || (event.target.matches("button, a") && event.key === "Enter")) {
      if (event.key === "Escape") { event.target.blur(); area.focus(); }
      return;
    }
    const neighbour = scene.near[event.key - 1];
    const act = neighbour >= 0 ? () => ui.go(neighbour) : keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  const clicks = {
    exact: () => turn("exact"), grid: () => turn("grid"), lasso: () => ui.lasso(!lassoing), home: scene.home, info: () => toggle("about"),
    close: () => ui.select(-1), shut: () => toggle("about"), note: () => ui.note(""), csv: () => ui.save().catch(map.fail), clear: ui.clear,
    fold: () => $("fold").setAttribute("aria-expanded", $("legend").classList.toggle("open")),
  };
  document.querySelector(".skip").onclick = (event) => { event.preventDefault(); area.focus(); }; // the hash holds the view
  for (const [id, act] of Object.entries(clicks)) $(id).onclick = act;
  $("colour").onchange = (event) => ui.colourBy(event.target.value);
  let typing = 0;
  $("search").oninput = (event) => { clearTimeout(typing); typing = setTimeout(ui.search, 150, event.target.value); };
};
