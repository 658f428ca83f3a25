/* What is where: the camera, the two layouts and the way between them, which images are in the light and which are faded. */
"use strict";
(() => {
  const scene = map.scene = {
    width: 1, height: 1, inset: { top: 0, left: 0, right: 0, bottom: 0 }, // CSS pixels; what the toolbar covers
    x: 0.5, y: 0.5, zoom: 1, // the middle of the view in the unit square of the map; pixels per unit
    layout: "exact", mix: 0, // 0: exact, 1: grid
    colour: "none", only: new Set(), found: null, lasso: null, // what keeps an image in the light: class, search, lasso
    selected: -1, hovered: -1, near: [], visible: [],
  };
  const CROWDING = 1.15, SLOWER = 0.82, SMALLEST = 3.5, LARGEST = 190;
  let exact, grid, shuffled, moving = null, turning = null;

  scene.open = () => {
    const n = map.count;
    exact = new Float32Array(2 * n);
    for (let i = 0; i < 2 * n; i++) exact[i] = map.places[i] / 65535;
    scene.places = exact;
    // Drawn in a random order, always the same, so that no class covers another.
    shuffled = new Uint32Array(n).map((_, i) => i);
    for (let i = n - 1, seed = 1; i > 0; i--) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      const j = Math.floor(seed / 4294967296 * (i + 1)), other = shuffled[j];
      shuffled[j] = shuffled[i];
      shuffled[i] = other;
    }
    scene.order = shuffled;
    scene.lit = new Uint8Array(n).fill(1);
    scene.litCount = n;
  };

  /* The grid arrives after the first picture: every image in a cell of one pitch, the whole in the same unit square. */
  scene.openGrid = () => {
    const [columns, rows] = map.about.grid, pitch = scene.pitch = 1 / Math.max(columns, rows);
    grid = new Float32Array(exact.length);
    for (let i = 0; i < grid.length; i++) grid[i] = (map.cells[i] + 0.5 - (i & 1 ? rows : columns) / 2) * pitch + 0.5;
    place();
  };

  function place() {
    if (!grid || scene.mix === 0) { scene.places = exact; return; }
    if (scene.mix === 1) { scene.places = grid; return; }
    if (scene.places === exact || scene.places === grid) scene.places = new Float32Array(exact.length);
    for (let i = 0; i < exact.length; i++) scene.places[i] = exact[i] + (grid[i] - exact[i]) * scene.mix;
  }

  /* -- the camera -- */
  const room = () => ({
    width: Math.max(80, scene.width - scene.inset.left - scene.inset.right),
    height: Math.max(80, scene.height - scene.inset.top - scene.inset.bottom),
  });
  // Everything is seen where the outermost images are: half of one lies beyond its point, on either side.
  scene.fit = () => {
    const { width, height } = room(), side = Math.min(width, height);
    return side - Math.max(0.06 * side, Math.min(72, 0.94 * side / (CROWDING * Math.sqrt(map.count))) + 8);
  };
  scene.relative = () => scene.zoom / scene.fit();
  const limit = (zoom) => Math.min(Math.max(zoom, scene.fit() * 0.4), 420 * Math.sqrt(map.count) + 1500);
  // The middle of the view is the middle of what the toolbar leaves free.
  const middle = () => ({ x: scene.inset.left + room().width / 2, y: scene.inset.top + room().height / 2 });
  scene.toScreen = (x, y) => { const m = middle(); return [(x - scene.x) * scene.zoom + m.x, (y - scene.y) * scene.zoom + m.y]; };
  scene.toMap = (x, y) => { const m = middle(); return [(x - m.x) / scene.zoom + scene.x, (y - m.y) / scene.zoom + scene.y]; };
  scene.screenOf = (rank) => scene.toScreen(scene.places[2 * rank], scene.places[2 * rank + 1]);

  scene.look = (x, y, zoom) => {
    scene.x = Math.min(1.2, Math.max(-0.2, x));
    scene.y = Math.min(1.2, Math.max(-0.2, y));
    scene.zoom = limit(zoom);
    map.redraw();
  };
  scene.pan = (dx, dy) => { moving = null; scene.look(scene.x - dx / scene.zoom, scene.y - dy / scene.zoom, scene.zoom); };
  scene.zoomAt = (x, y, factor) => {
    moving = null;
    const [mapX, mapY] = scene.toMap(x, y), m = middle(), zoom = limit(scene.zoom * factor);
    scene.look(mapX - (x - m.x) / zoom, mapY - (y - m.y) / zoom, zoom);
  };
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  /* Move there smoothly; the zoom changes by equal factors in equal times. */
  scene.travel = (x, y, zoom, time = 450) => {
    if (calm.matches) { scene.look(x, y, zoom); return; }
    moving = { from: [scene.x, scene.y, scene.zoom], to: [x, y, limit(zoom)], start: performance.now(), time };
    map.redraw();
  };
  scene.home = () => scene.travel(0.5, 0.5, scene.fit());
  scene.zoomTo = (rank, size = 64) => {
    const wanted = Math.max(scene.zoom, zoomFor(size));
    scene.travel(scene.places[2 * rank], scene.places[2 * rank + 1], wanted);
  };
  function zoomFor(size) {
    const base = baseSize(), at = scene.layout === "grid" ? size / (0.94 * scene.pitch) : scene.fit() * (size / base) ** (1 / SLOWER);
    return limit(at);
  }

  /* -- sprites: pixels per image. On the map they grow more slowly than distances do, so that zooming in tells them apart. -- */
  const baseSize = () => scene.fit() / (CROWDING * Math.sqrt(map.count));
  scene.size = () => {
    const free = Math.min(LARGEST, Math.max(SMALLEST, Math.min(72, baseSize()) * scene.relative() ** SLOWER));
    if (scene.mix === 0) return free;
    const cell = scene.pitch * scene.zoom; // small cells touch: a gap would beat with the screen's pixels
    return free + (cell * (cell < 8 ? 1 : 0.94) - free) * scene.mix;
  };

  /* -- the layouts -- */
  scene.turn = (layout, animated = true) => {
    if (layout === "grid" && !grid) return;
    scene.layout = layout;
    const target = layout === "grid" ? 1 : 0;
    // What is looked at stays in the view: the selected image, or the one in the middle.
    const away = scene.relative() > 1.15, anchor = away ? (scene.selected >= 0 ? scene.selected : scene.nearest(scene.x, scene.y)) : -1;
    turning = { from: scene.mix, to: target, start: performance.now(), time: animated && !calm.matches ? 900 : 0, anchor };
    if (anchor < 0 && animated) scene.home();
    map.redraw();
  };
  const ease = (t) => t < 0.5 ? 4 * t * t * t : 1 - (2 - 2 * t) ** 3 / 2;

  /* Advance what is on its way; return whether anything is. */
  scene.step = (now) => {
    if (turning) {
      const t = turning.time ? Math.min(1, Math.max(0, (now - turning.start) / turning.time)) : 1;
      scene.mix = t === 1 ? turning.to : turning.from + (turning.to - turning.from) * ease(t);
      place();
      if (turning.anchor >= 0) scene.look(scene.places[2 * turning.anchor], scene.places[2 * turning.anchor + 1], scene.zoom);
      if (t === 1) turning = null;
    }
    if (moving) {
      const t = Math.min(1, Math.max(0, (now - moving.start) / moving.time)), e = ease(t), [x, y, zoom] = moving.from, [X, Y, Z] = moving.to;
      const between = zoom * (Z / zoom) ** e;
      // In step with the zoom, so that the target comes nearer on a straight line on the screen.
      const share = Math.abs(Z / zoom - 1) < 1e-3 ? e : (1 / zoom - 1 / between) / (1 / zoom - 1 / Z);
      scene.look(x + (X - x) * share, y + (Y - y) * share, between);
      if (t === 1) moving = null;
    }
    return Boolean(moving || turning);
  };

  /* -- light and shade -- */
  scene.codes = () => scene.colour === "label" ? map.labels : scene.colour === "prediction" ? map.predictions : null;
  scene.code = (rank) => scene.colour === "error" ? Number(map.wrong(rank)) : scene.colour === "unit" ? map.steps[rank] : scene.codes() ? scene.codes()[rank] : 0;
  scene.filter = () => {
    const { only, found, lasso, lit } = scene;
    let count = 0;
    for (let i = 0; i < map.count; i++) {
      lit[i] = Number((!only.size || only.has(scene.code(i))) && (!found || found[i]) && (!lasso || lasso[i]));
      count += lit[i];
    }
    scene.litCount = count;
    let faded = 0, bright = map.count - count;
    scene.order = new Uint32Array(map.count);
    const drawn = scene.colour === "unit" ? shuffled.slice().sort((a, b) => map.steps[a] - map.steps[b]) : shuffled; // the strongest last
    for (const rank of drawn) scene.order[lit[rank] ? bright++ : faded++] = rank;
    map.redraw();
  };

  /* Collect the images in the view, in the order of drawing: faded, lit, neighbours, selected, hovered. */
  scene.collect = () => {
    const { places, order, zoom } = scene, m = middle(), reach = scene.size() / 2 + 2, found = [];
    const left = scene.x - (m.x + reach) / zoom, right = scene.x + (scene.width - m.x + reach) / zoom;
    const top = scene.y - (m.y + reach) / zoom, bottom = scene.y + (scene.height - m.y + reach) / zoom;
    for (let i = 0; i < order.length; i++) {
      const rank = order[i], x = places[2 * rank], y = places[2 * rank + 1];
      if (x >= left && x <= right && y >= top && y <= bottom) found.push(rank);
    }
    scene.visible = found;
    scene.raised = [...scene.near, scene.selected, scene.hovered].filter((rank) => rank >= 0);
    return found;
  };

  scene.nearest = (x, y) => {
    let best = -1, least = Infinity;
    for (let i = 0; i < map.count; i++) {
      const far = (scene.places[2 * i] - x) ** 2 + (scene.places[2 * i + 1] - y) ** 2;
      if (far < least) { least = far; best = i; }
    }
    return best;
  };

  /* Return the image at a point of the screen: the nearest within 14 pixels, or the one whose square holds it; lit ones first. */
  scene.pick = (x, y) => {
    const [mapX, mapY] = scene.toMap(x, y), half = scene.size() / 2, radius = Math.max(14, half * 1.42) / scene.zoom;
    let best = -1, least = Infinity;
    for (const rank of scene.visible) {
      const dx = Math.abs(scene.places[2 * rank] - mapX), dy = Math.abs(scene.places[2 * rank + 1] - mapY);
      if (dx > radius || dy > radius) continue;
      const far = Math.hypot(dx, dy), inside = Math.max(dx, dy) * scene.zoom <= half;
      if (!inside && far * scene.zoom > 14) continue;
      const weighed = far + (scene.lit[rank] ? 0 : radius);
      if (weighed < least) { least = weighed; best = rank; }
    }
    return best;
  };

  /* Return which images lie inside a closed path of screen points. */
  scene.inside = (path) => {
    const corners = path.map(([x, y]) => scene.toMap(x, y)), found = new Uint8Array(map.count);
    let count = 0;
    for (let rank = 0; rank < found.length; rank++) {
      const x = scene.places[2 * rank], y = scene.places[2 * rank + 1];
      let odd = 0;
      for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
        const [ax, ay] = corners[i], [bx, by] = corners[j];
        if (ay > y !== by > y && x < (bx - ax) * (y - ay) / (by - ay) + ax) odd ^= 1;
      }
      found[rank] = odd;
      count += odd;
    }
    return count ? found : null;
  };
})();
