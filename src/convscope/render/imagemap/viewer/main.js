/* Starts the page: first places and mean colours, then the rest; draws when something changed; keeps the state in the link. */
"use strict";
(() => {
  const { scene, pages, ui, $ } = map;
  const WAIT = 3000;
  let renderer, scheduled = 0, linking = 0;

  map.fail = (error) => ui.note(error.message);
  map.redraw = () => { scheduled ||= requestAnimationFrame(frame); };
  map.resting = () => Boolean(map.ready && !scheduled && pages.idle() && kit.resting());

  function frame(now) {
    scheduled = 0;
    if (!renderer) return;
    const moving = scene.step(now), visible = scene.collect(), scale = devicePixelRatio;
    ui.frame(scale);
    if (map.first) pages.plan(visible.concat(scene.raised), scene.size() * scale); // the first picture waits for no page
    renderer.draw(performance.now(), scale);
    if (!map.first) { map.first = performance.now(); map.redraw(); }
    if (moving || pages.fading(performance.now())) map.redraw();
    else if (map.ready) { clearTimeout(linking); linking = setTimeout(link, 250); }
  }

  /* -- the canvas -- */
  function resize() {
    const width = innerWidth, height = innerHeight, atHome = Math.abs(scene.relative() - 1) < 0.01 && scene.x === 0.5 && scene.y === 0.5;
    const wide = width > 860, bar = document.querySelector("header.bar").offsetHeight;
    document.documentElement.style.setProperty("--bar", `${bar}px`);
    Object.assign(scene, { width, height, inset: { top: bar + 8, left: wide && !$("legend").hidden ? $("legend").offsetWidth + 13 : 0, right: 0, bottom: wide ? 0 : 44 } });
    for (const canvas of document.querySelectorAll("#stage canvas")) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
    }
    scene.look(atHome ? 0.5 : scene.x, atHome ? 0.5 : scene.y, atHome ? scene.fit() : scene.zoom);
  }

  function use(one) {
    renderer = one;
    $("sprites").hidden = one.canvas !== $("sprites");
    $("plain").hidden = one.canvas !== $("plain");
    pages.open(one);
    map.renderer = one;
    const { most } = one;
    ui.note(most && map.count > most ? `Without WebGL2, at most ${most.toLocaleString("en")} of the images in view are drawn.` : "");
    map.redraw();
  }
  /* WebGL2, else Canvas2D; a lost context is waited for, and used again whenever it comes back. */
  function openRenderer() {
    const canvas = $("sprites"), plain = () => use(map.canvas2d($("plain")));
    let webgl = null, waiting = 0;
    try { webgl = map.webgl(canvas); } catch (error) { console.warn(error); }
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      renderer = null;
      waiting = setTimeout(plain, WAIT);
    });
    canvas.addEventListener("webglcontextrestored", () => {
      clearTimeout(waiting);
      webgl.open();
      use(webgl);
    });
    if (webgl) use(webgl);
    else plain();
  }

  /* -- the link: #x,y,zoom,selected and what differs from the beginning -- */
  function link() {
    const { layout, colour, only, selected } = scene, { theme } = document.documentElement.dataset;
    const parts = [[scene.x.toFixed(5), scene.y.toFixed(5), scene.relative().toPrecision(4), selected < 0 ? "" : map.ids[selected]].join(",")];
    const first = $("colour").options[0].value, found = $("search").value;
    if (layout !== "exact") parts.push(`layout=${layout}`);
    if (colour !== first) parts.push(`colour=${colour}`);
    if (only.size) parts.push(`only=${[...only].join(".")}`);
    if (found) parts.push(`find=${encodeURIComponent(found)}`);
    if (colour === "unit") parts.push(`unit=${map.unitAddress()}`);
    if (theme) parts.push(`theme=${theme}`);
    const wanted = `#${parts.join(";")}`;
    if (wanted !== location.hash) history.replaceState(null, "", wanted);
  }
  async function read() {
    const given = location.hash.slice(1).split(";"), place = given[0].includes("=") ? "" : given.shift(), options = Object.fromEntries(given.map((one) => one.split("=")));
    const [x, y, zoom, selected] = place.split(","), only = (options.only || "").split("."), image = options.image ? map.ids.indexOf(+options.image) : -1;
    kit.showTheme(options.theme); // what a link does not say is as in the beginning
    ui.colourBy($("colour").options[0].value);
    if (options.unit) await map.openUnit(options.unit);
    ui.colourBy(options.unit && !options.colour ? "unit" : options.colour);
    scene.only = new Set(ui.codes().filter((code) => only.includes(`${code}`)));
    scene.lasso = null;
    ui.recolour();
    scene.turn(options.layout === "grid" ? "grid" : "exact", false);
    ui.layout();
    scene.step(performance.now());
    if ([x, y, zoom].every((part) => part && Number.isFinite(+part))) scene.look(+x, +y, +zoom * scene.fit());
    ui.select(selected ? map.ids.indexOf(+selected) : image);
    if (image >= 0) scene.zoomTo(image, 48);
    else if (options.image) ui.note(`The map does not hold the image ${options.image.slice(0, 40)}.`);
    try { $("search").value = decodeURIComponent(options.find || ""); } catch { $("search").value = ""; }
    ui.search($("search").value);
  }

  async function start() {
    try {
      await map.load("start");
      map.open();
      $("tools").hidden = false;
      scene.open();
      ui.open();
      resize();
      scene.look(0.5, 0.5, scene.fit());
      openRenderer();
      addEventListener("resize", resize);
      await new Promise(requestAnimationFrame); // the first picture is drawn before anything else is loaded
      await map.complete();
      scene.openGrid();
      map.listen();
      await read();
      addEventListener("hashchange", read);
      $("overlay").focus({ preventScroll: true });
      map.ready = true;
    } catch (error) {
      console.error(error);
      ui.note(`The map cannot be shown: ${error.message}`);
    }
  }
  start();
})();
