/* Texture pages: pictures of up to 2048 x 2048 pixels that hold the thumbnails of one size, in the order of ranks. As many
   are kept as the renderer has slots for; what a view needs is loaded, and what was not seen for longest goes. */
"use strict";
(() => {
  const AT_ONCE = 3, FADE = 180;
  const pages = map.pages = { cellX: 0, cellY: 0, side: 0, wanted: 0 };
  const pending = new Set(), failed = new Set();
  let levels, tables, slots, asked = [], counts, renderer, life = 0, frame = 0;

  /* Begin with empty slots: at the start, and whenever the renderer has lost its textures or was changed for another. */
  pages.open = (drawnBy) => {
    renderer = drawnBy;
    levels = map.about.levels;
    slots = Array.from({ length: Math.min(pages.total(), renderer.capacity) }, () => null);
    tables = levels.map((level) => new Int16Array(level.pages).fill(-1));
    counts = levels.map((level) => new Uint32Array(level.pages));
    life++;
    pending.clear();
    failed.clear();
  };
  pages.slots = () => slots.length;
  pages.total = () => map.about.levels.reduce((sum, level) => sum + level.pages, 0);

  /* Find the best page at hand for an image, at most as fine as `level`: return its slot, -1 if there is none. */
  pages.find = (rank, level) => {
    for (let i = level; i >= 0; i--) {
      const { columns, pitch, side } = levels[i], most = columns * columns, page = (rank / most) | 0, slot = tables[i][page];
      if (slot < 0) continue;
      const cell = rank - page * most;
      pages.cellX = (cell % columns) * pitch;
      pages.cellY = ((cell / columns) | 0) * pitch;
      pages.side = side;
      return slot;
    }
    return -1;
  };
  /* How much of a page shows, 0 to 255: it fades in where nothing but mean colours was seen before. */
  pages.shareOf = (slot, now) => slots[slot] ? Math.round(255 * Math.max(0, Math.min(1, (now - slots[slot].since) / FADE))) : 0;
  const levelFor = (size) => { const found = levels.findIndex((level) => level.side >= size * 0.8); return found < 0 ? levels.length - 1 : found; };

  /* Draw an image into a small canvas of the page's panels, and ask for the page that would show it better.
     Return whether that is the best there is. */
  pages.paint = (canvas, rank, side) => {
    const level = levelFor(side), { columns } = levels[level], page = (rank / (columns * columns)) | 0;
    asked.push([level, page]);
    const slot = pages.find(rank, level), key = `${rank}/${pages.side}/${life}`;
    if (slot >= 0 && canvas.dataset.shows !== key) {
      canvas.width = canvas.height = pages.side;
      renderer.cut(canvas.getContext("2d"), slot, pages.cellX, pages.cellY, pages.side);
      canvas.dataset.shows = key;
    } else if (slot < 0 && !canvas.dataset.shows?.startsWith(`${rank}/`)) {
      canvas.width = canvas.height = 1;
      canvas.dataset.shows = `${rank}/`;
    }
    return tables[level][page] >= 0;
  };

  function seen(ranks, level) {
    const most = levels[level].columns ** 2, count = counts[level].fill(0);
    for (const rank of ranks) count[(rank / most) | 0]++;
    return Array.from(count.keys()).filter((page) => count[page]);
  }

  /* Decide which size this frame uses, and start loading what it lacks: first what shows most images. */
  pages.plan = (ranks, size) => {
    frame++;
    const needs = asked.splice(0);
    let level = levelFor(size), shown = seen(ranks, level);
    while (shown.length + needs.length > slots.length && level > 0) shown = seen(ranks, --level);
    pages.wanted = level;
    shown.sort((a, b) => counts[level][b] - counts[level][a]);
    needs.push(...shown.map((page) => [level, page]));
    // The smallest size lies ready for quick moves, where there is room.
    if (level > 0 && needs.length + levels[0].pages <= slots.length) needs.push(...seen(ranks, 0).map((page) => [0, page]));
    for (const [at, page] of needs.slice(0, slots.length)) {
      const slot = tables[at][page];
      if (slot >= 0) slots[slot].used = frame;
      else request(at, page);
    }
  };
  pages.fading = (now) => slots.some((slot) => slot && now - slot.since < FADE);
  pages.idle = () => pending.size === 0;
  pages.resident = () => slots.filter(Boolean).length;

  async function request(level, page) {
    const name = `${levels[level].side}-${String(page).padStart(4, "0")}`, born = life;
    if (pending.size >= AT_ONCE || pending.has(name) || failed.has(name)) return;
    pending.add(name);
    try {
      await map.load(name);
      const blob = new Blob([map.bytes(name)], { type: map.about.type });
      const bitmap = await createImageBitmap(blob, { premultiplyAlpha: "none", colorSpaceConversion: "none" });
      if (born === life) keep(level, page, bitmap);
      else bitmap.close();
    } catch (error) {
      if (born === life) failed.add(name);
      map.fail(error);
    } finally {
      if (born === life) pending.delete(name);
      map.redraw();
    }
  }

  function keep(level, page, bitmap) {
    let slot = slots.indexOf(null);
    if (slot < 0) slot = slots.reduce((oldest, one, i) => one.used < slots[oldest].used ? i : oldest, 0);
    const old = slots[slot];
    if (old && old.used >= frame) { bitmap.close(); return; } // everything is in use: this one is no longer needed
    if (old) tables[old.level][old.page] = -1;
    const coarser = levels.slice(0, level).some((_, i) => tables[i].some((one) => one >= 0));
    slots[slot] = { level, page, used: frame, since: coarser ? -Infinity : performance.now() };
    tables[level][page] = slot;
    renderer.put(slot, bitmap);
  }
})();
