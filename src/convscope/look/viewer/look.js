/* What the live page knows of the network, and how it asks for more: of each kind of question a tab waits for one answer, the newest. */
"use strict";
const live = window.live = {};
const KEPT = 48; // answers that stay in memory
const TAB = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
const kept = new Map(), layersBy = new Map();
const asking = new Map(); // what a newer question of its kind puts an end to
let pending = 0;

const ask = async (path, query = {}, options = {}) => {
  const words = new URLSearchParams(), end = new AbortController();
  asking.get(path)?.abort();
  asking.set(path, end);
  for (const [name, value] of Object.entries({ ...query, tab: TAB })) for (const one of [value].flat()) words.append(name, one);
  pending++;
  try {
    const answer = await fetch(`${path}?${words}`, { cache: "no-store", signal: end.signal, ...options }), told = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(told.error), { stale: answer.status === 409 });
    return kit.decode(told);
  } catch (error) {
    if (error.name === "AbortError") error.stale = true;
    throw error;
  } finally { pending--; }
};

/* As `ask`, but the same question is asked once. */
const askOnce = (path, query) => {
  const key = JSON.stringify([path, query]), known = kept.get(key) || ask(path, query);
  kept.delete(key);
  kept.set(key, known); // the latest last: the first is forgotten first
  known.catch(() => kept.delete(key));
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  return known;
};

/* Follow what the server tells step by step: hear({...}) until `done`; returns what ends it. */
const follow = (path, query, hear, method = "GET") => {
  const end = new AbortController(), words = new URLSearchParams({ ...query, tab: TAB });
  (async () => {
    const answer = await fetch(`${path}?${words}`, { method, signal: end.signal, cache: "no-store" });
    if (!answer.ok) throw new Error((await answer.json()).error);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = "", cut; ;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += value;
      while ((cut = text.indexOf("\n\n")) >= 0) {
        hear(JSON.parse(text.slice(6, cut)));
        text = text.slice(cut + 2);
      }
    }
  })().catch((error) => { if (error.name !== "AbortError") hear({ error: error.message, done: true }); });
  return () => end.abort();
};

const openLive = async () => {
  live.start = await ask("start");
  live.start.layers.forEach((layer) => layersBy.set(layer.address, layer));
  live.names = live.start.images.flatMap(([base, first, many]) => (many === 1 ? [base] : Array.from({ length: many }, (_, k) => `${base}[${first + k}]`)));
};

/* -- addresses: #LAYER:CHANNEL@ROW,COLUMN?image=...; whatever stays the same is taken from the address that is shown -- */
const STAYS = ["image", "pin", "way", "show", "see", "sort", "turn", "size"];
const stateOf = () => kit.address().query;
const linkTo = (parts, changes = {}) => {
  const query = stateOf();
  return kit.link(parts, { ...Object.fromEntries(STAYS.map((name) => [name, query[name]])), ...changes });
};
const hrefTo = {
  network: (changes) => linkTo([], changes) || "#",
  layer: (layer, changes) => linkTo([layer.address], changes),
  unit: (layer, channel, changes) => linkTo([layer.address, channel], changes),
};
const go = (href) => { location.hash = href; };
const here = (changes) => { const { parts } = kit.address(); return linkTo(parts, changes); };

/* Say something for a while. */
let telling = 0;
const tell = (words) => {
  document.querySelector(".note")?.remove();
  const said = el("p.note", { role: "status" }, words);
  document.body.append(said);
  clearTimeout(telling);
  telling = setTimeout(() => said.remove(), 2500 + 40 * said.textContent.length);
};
const copy = async (text, words) => {
  try { await navigator.clipboard.writeText(text); tell(words); } catch { tell(el("code", text)); }
};
const nameOf = (layer, channel) => layer.names?.[channel];
const icon = (...paths) => svg("svg", { viewBox: "0 0 24 24" }, paths.map((d) => svg("path", { d })));
