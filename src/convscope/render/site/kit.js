/* What the pages of convscope share: data, elements, themes, addresses, keys. A page from disk may not fetch files and may load no
   modules, but it may add <script> elements: each file of data/ calls kit.take(NAME, {...}). Names of files, classes and layers are data
   from outside: they only ever become text nodes and attributes, and addresses are made by kit.link alone. */
"use strict";
const kit = window.kit = { version: (document.currentScript.src.match(/[?].*/) || [""])[0] }; // of scripts and data: no browser mixes old and new
(() => {
  /* -- data -- */
  const KEPT = 240; // data scripts whose contents stay in memory
  const COLUMNS = { u1: Uint8Array, i1: Int8Array, u2: Uint16Array, i2: Int16Array, u4: Uint32Array, i4: Int32Array, f4: Float32Array };
  const taken = new Map(), loads = new Map();
  let pending = 0;

  kit.take = (name, payload) => taken.set(name, payload);

  /* Replace each {type, data} below `value` by its typed array: base64 of little-endian numbers, or of the steps between them;
     of numbers that are all the same, one and their `count`. */
  const decode = kit.decode = (value) => {
    if (value === null || typeof value !== "object") return value;
    if (typeof value.data === "string" && COLUMNS[value.type]) {
      const text = atob(value.data), bytes = new Uint8Array(text.length);
      for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
      let column = new COLUMNS[value.type](bytes.buffer), sum = 0;
      if (value.count) column = new column.constructor(value.count).fill(column[0]);
      return value.rises ? Int32Array.from(column, (step) => sum += step) : column;
    }
    for (const key of Object.keys(value)) value[key] = decode(value[key]);
    return value;
  };

  /* Return a promise of what FOLDER/NAME.js brings; the same one for all who ask. */
  kit.load = (name, folder = "data") => {
    const path = `${folder}/${name}.js`, known = loads.get(path) || new Promise((resolve, reject) => {
      const script = document.createElement("script"), end = () => { script.remove(); pending--; };
      pending++;
      script.src = path + kit.version;
      script.onload = () => {
        end();
        if (!taken.has(name)) { loads.delete(path); reject(new Error(`${path} holds something else.`)); return; }
        resolve(decode(taken.get(name)));
        taken.delete(name);
      };
      script.onerror = () => { end(); loads.delete(path); reject(Object.assign(new Error(`${path} is missing or cannot be read.`),
        { missing: true })); };
      document.head.append(script);
    });
    loads.delete(path);
    loads.set(path, known); // the latest last: the first is forgotten first
    if (loads.size > KEPT) loads.delete(loads.keys().next().value);
    return known;
  };
  kit.resting = () => pending === 0;

  /* -- elements -- */
  function fill(made, given, children) {
    for (const [name, value] of Object.entries(given)) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (name.startsWith("--")) made.style.setProperty(name, value);
      else made.setAttribute(name === "label" ? "aria-label" : name, value === true ? "" : value);
    }
    made.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
    return made;
  }

  /* Make an element: kit.el("a.tile", {href, onclick, "--x": 3}, "text", element, [more], null); attributes may be left out. Strings
     become text nodes; `label` is what a screen reader says. */
  const maker = (space) => (what, ...rest) => {
    const [tag, ...classes] = what.split("."), made = document.createElementNS(space, tag),
      given = rest[0]?.constructor === Object ? rest.shift() : {};
    if (classes.length) made.setAttribute("class", classes.join(" "));
    return fill(made, given, rest);
  };
  kit.el = maker("http://www.w3.org/1999/xhtml");
  kit.svg = maker("http://www.w3.org/2000/svg");
  kit.byId = (id) => document.getElementById(id);

  /* A name from outside as text: what would hide in it is shown as a square (words.py does the same), and right-to-left stays inside. */
  const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
  kit.shown = (text) => String(text).replace(HIDDEN, "\u25a1") || "(no name)";
  kit.name = (text) => kit.el("bdi", kit.shown(text));

  /* Tell a screen reader. */
  kit.say = (words) => {
    const said = kit.byId("say") || document.body.appendChild(kit.el("p.sr", { id: "say", role: "status" }));
    said.textContent = words;
  };

  /* Call `act` once, when the element comes near the window. */
  const waiting = new WeakMap();
  const watcher = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) kit.seen(target);
    }
  }, { rootMargin: "120px" });
  kit.whenSeen = (element, act) => { waiting.set(element, act); watcher.observe(element); return element; };
  kit.seen = (element) => { watcher.unobserve(element); waiting.get(element)?.(); waiting.delete(element); };

  /* -- numbers as words -- */
  const known = (value) => value !== null && value !== undefined && !Number.isNaN(value);
  kit.number = (value) => {
    if (!known(value)) return "unknown";
    if (Number.isInteger(value)) return value.toLocaleString("en");
    const size = Math.abs(value);
    return size >= 1e5 || (size < 1e-3 && size > 0) ? value.toExponential(1) : value.toLocaleString("en", { maximumSignificantDigits: 3 });
  };
  kit.percent = (share) => {
    if (!known(share)) return "unknown";
    const parts = 100 * share, digits = parts > 0 && parts < 100 && (parts < 10 || parts >= 99) ? 1 : 0, text = parts.toFixed(digits);
    if (parts > 0 && Number(text) === 0) return "< 0.1\u00a0%";
    return `${parts < 100 && Number(text) === 100 ? "> 99.9" : text}\u00a0%`;
  };
  kit.count = (many, noun, plural = `${noun}s`) => `${many.toLocaleString("en")} ${many === 1 ? noun : plural}`;

  /* -- light and dark: the switch in the header works without scripts; here its choice is kept -- */
  const root = document.documentElement, prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const memory = { // a page from disk may have none
    get: () => { try { return localStorage.getItem("convscope-theme"); } catch { return null; } },
    set: (theme) => { try { localStorage.setItem("convscope-theme", theme); } catch { /* forgotten */ } },
  };
  function paint(theme) {
    const chosen = ["light", "dark"].includes(theme) ? theme : "";
    if (chosen) root.dataset.theme = chosen; else delete root.dataset.theme;
    const radio = kit.byId(`as-${chosen || "auto"}`);
    if (radio) radio.checked = true;
    return chosen;
  }
  const watching = []; // what is drawn in pixels is drawn again
  const tell = () => watching.forEach((act) => act());
  kit.onTheme = (act) => watching.push(act);
  prefersDark.addEventListener("change", tell);
  const choose = (theme) => { memory.set(paint(theme)); tell(); };
  /* Show the theme that a link names, without keeping it; without one, the reader's. */
  kit.showTheme = (theme) => { paint(theme || memory.get()); tell(); };
  paint(memory.get());
  addEventListener("DOMContentLoaded", () => {
    paint(memory.get());
    addEventListener("change", ({ target }) => { if (target.name === "theme") choose(target.id.slice(3)); });
  });
  kit.isDark = () => (root.dataset.theme || (prefersDark.matches ? "dark" : "light")) === "dark";
  kit.turnTheme = () => {
    choose(kit.isDark() ? "light" : "dark");
    kit.say(`${root.dataset.theme} theme`);
  };

  /* -- addresses: #PART:PART?key=value, each part encoded -- */
  kit.link = (parts, query = {}) => {
    const words = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
    const tail = words.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&");
    return `#${parts.map(encodeURIComponent).join(":")}${tail && "?"}${tail}`;
  };
  const plain = (text) => { try { return decodeURIComponent(text); } catch { return text; } };
  kit.address = (hash = location.hash) => {
    const [path, ...rest] = hash.replace(/^#/, "").split("?"), pairs = rest.join("?").split("&").filter(Boolean);
    const query = Object.fromEntries(pairs.map((pair) => { const [key, ...value] = pair.split("="); return [key, plain(value.join("="))]; }));
    return { parts: path === "" ? [] : path.split(":").map(plain), query };
  };

  /* Change the query of the address that is shown, without a new entry in the history. */
  kit.restate = (changes) => {
    const { parts, query } = kit.address();
    history.replaceState(history.state, "", kit.link(parts, { ...query, ...changes }) || "#");
  };

  /* Call show(address) now and whenever the address changes; it returns a promise of whether it has scrolled the page itself. Going back
     restores where the page was scrolled. */
  kit.route = (show) => {
    let settling = 0, asked = 0;
    const keep = () => history.replaceState({ top: scrollY }, "");
    const follow = async () => {
      const mine = ++asked, top = history.state?.top || 0;
      const placed = await show(kit.address());
      if (mine === asked && !placed) scrollTo({ top, behavior: "instant" });
    };
    history.scrollRestoration = "manual";
    addEventListener("scroll", () => { clearTimeout(settling); settling = setTimeout(keep, 120); }, { passive: true });
    addEventListener("click", (event) => {
      const link = event.target.closest("a[href]");
      if (link) { clearTimeout(settling); keep(); }
      if (link?.matches(".skip")) { event.preventDefault(); kit.byId("main").focus(); } // the hash holds the address
    }, true);
    addEventListener("hashchange", () => { clearTimeout(settling); follow(); });
    return follow();
  };

  /* -- keys -- */
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const middle = (element) => { const box = element.getBoundingClientRect(); return [box.left + box.width / 2, box.top + box.height / 2]; };
  const stops = (group) => [...group.querySelectorAll("a[href], button")].filter((one) => one.offsetParent && one.tabIndex >= 0);

  /* Move the focus inside its group (an element with data-arrows) to what lies nearest in the arrow's direction, above and below it to the
     next group; say whether the focus is in a group and the key an arrow. */
  kit.step = (key) => {
    const from = document.activeElement, group = from.closest("[data-arrows]"), [dx, dy] = ARROWS[key] || [0, 0];
    if (!group || !(dx || dy)) return false;
    const [x, y] = middle(from);
    let best = null, least = Infinity;
    for (const one of stops(group)) {
      const [toX, toY] = middle(one), along = (toX - x) * dx + (toY - y) * dy, aside = Math.abs((toX - x) * dy) + Math.abs((toY - y) * dx);
      const far = along + 4 * aside;
      if (one !== from && along > 4 && aside < 3 * along + 4 && far < least) { best = one; least = far; }
    }
    const groups = [...document.querySelectorAll("[data-arrows]")];
    if (best) best.focus(); else if (dy) kit.enter(groups[groups.indexOf(group) + dy]);
    return true;
  };
  kit.enter = (group) => { const first = group && stops(group)[0]; first?.focus(); return Boolean(first); };

  /* Listen to keys: {"/": {words, act}, ...} as `keys()` returns them; an act that returns false leaves the key to the browser. */
  kit.listen = (keys) => addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const typing = event.target.matches?.("input, select, textarea");
    if (typing && event.key !== "Escape") return;
    if (typing) { event.target.blur(); return; }
    const act = keys()[event.key]?.act;
    if (kit.step(event.key) || (act && act(event) !== false)) event.preventDefault();
  });

  /* Show a box above the page until Escape or a click beside it. */
  kit.overlay = (label, ...content) => {
    const back = document.activeElement, box = kit.el("dialog", { "aria-label": label }, ...content);
    box.addEventListener("close", () => { box.remove(); back?.focus?.({ preventScroll: true }); });
    box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
    document.body.append(box);
    box.showModal();
    return box;
  };
  kit.help = (keys) => kit.overlay("Keys", kit.el("h2", "Keys"),
    kit.el("dl.keys", Object.entries(keys).filter(([, { words }]) => words).map(([key, { words, shown }]) =>
    [kit.el("dt", kit.el("kbd", shown || key)), kit.el("dd", words)])));
})();
