/* A wall of many tiles, of which only those near the window are in the page. */
"use strict";
const GAP = 0.45, CAPTION = 1.4, MARGIN = 0.6; // rem, rem, of the window's height

/* Return {element, show(count, make), focus(index), resize(side), detach}; make(index) returns a tile. `side`: of a tile, in rem; tiles grow to fill a row. */
const wallOf = (side) => {
  const board = el("div.board", arrows), tiles = new Map();
  let count = 0, make = null, columns = 1, step = [1, 1];

  function measure() {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize), gap = GAP * rem, width = board.clientWidth;
    if (!width) return;
    columns = Math.max(2, Math.floor((width + gap) / (side * rem + gap)));
    const edge = Math.floor((width + gap) / columns - gap);
    step = [edge + gap, edge + gap + CAPTION * rem];
    board.style.setProperty("--s", `${edge}px`);
    board.classList.toggle("tight", edge < 4 * rem);
    board.style.height = `${Math.ceil(count / columns) * step[1]}px`;
    tiles.forEach(place);
    draw();
  }
  function place(tile, index) {
    tile.style.transform = `translate(${index % columns * step[0]}px, ${Math.floor(index / columns) * step[1]}px)`;
  }
  function draw() {
    if (!board.isConnected || !make) return;
    const above = -board.getBoundingClientRect().top, spare = innerHeight * MARGIN;
    const first = Math.max(0, Math.floor((above - spare) / step[1]) * columns);
    const last = Math.min(count, Math.ceil((above + innerHeight + spare) / step[1]) * columns);
    for (const [index, tile] of tiles) {
      if ((index >= first && index < last) || tile === document.activeElement) continue;
      tile.remove();
      tiles.delete(index);
    }
    for (let index = first; index < last; index++) {
      if (tiles.has(index)) continue;
      const tile = make(index), next = tiles.get(index + 1);
      place(tile, index);
      tiles.set(index, tile);
      if (next) next.before(tile); else board.append(tile);
    }
  }

  let asked = 0;
  const later = () => { asked ||= requestAnimationFrame(() => { asked = 0; draw(); }); };
  const watcher = new ResizeObserver(measure);
  const detach = () => { watcher.disconnect(); removeEventListener("scroll", later); };
  const show = (many, one) => {
    [count, make] = [many, one];
    for (const tile of tiles.values()) tile.remove();
    tiles.clear();
    watcher.observe(board);
    addEventListener("scroll", later, { passive: true });
    measure();
  };
  const resize = (rem) => { side = rem; measure(); };
  /* Scroll to a tile and set the focus on it. */
  const focus = (index) => {
    scrollTo({ top: scrollY + board.getBoundingClientRect().top + Math.floor(index / columns) * step[1] - innerHeight / 2, behavior: "instant" });
    draw();
    tiles.get(index)?.focus({ preventScroll: true });
  };
  return { focus, element: board, show, detach, resize };
};
