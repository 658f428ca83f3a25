/* The map's data. A page from disk may not fetch files, but it may add <script> elements: every file of data/ calls
   map.take(name, base64). Images are numbered by rank, their place in the files' order (Hilbert); `ids` are the
   numbers they had before. Text from file names and labels is data: it only ever becomes text nodes. */
"use strict";
const map = window.map = {};
(() => {
  const CHUNK = 16384;
  const taken = new Map(), loading = new Map(), names = [], neighbours = [];
  const utf8 = new TextDecoder();

  map.take = (name, text) => taken.set(name, text);

  /* Return the bytes that a script brought, once: they are dropped here. */
  function bytes(name) {
    const text = atob(taken.get(name) || "");
    taken.delete(name);
    const found = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) found[i] = text.charCodeAt(i);
    return found;
  }
  map.bytes = bytes;

  /* Add the script data/NAME.js; the same promise for all who ask while it is on its way. */
  map.load = (name) => {
    if (!loading.has(name)) {
      loading.set(name, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = `data/${name}.js${kit.version}`;
        script.onload = () => { script.remove(); loading.delete(name); resolve(); };
        script.onerror = () => { script.remove(); loading.delete(name); reject(new Error(`data/${name}.js is missing or cannot be read.`)); };
        document.head.append(script);
      }));
    }
    return loading.get(name);
  };

  const codes = (width, found) => new (width === 1 ? Uint8Array : width === 2 ? Uint16Array : Uint32Array)(found.buffer);

  /* Read what start.js brought: all that the first picture needs. */
  map.open = () => {
    const about = map.about = JSON.parse(utf8.decode(bytes("about")));
    map.count = about.images;
    map.places = new Uint16Array(bytes("places").buffer);
    map.means = bytes("means");
    map.backdrop = [];
    const shown = taken.has("classes") ? codes(about.width, bytes("classes")) : null;
    map.labels = about.labelled ? shown : null;
    map.predictions = about.labelled ? null : shown;
  };

  /* Read the rest: the grid, row numbers, predictions and probabilities. */
  map.complete = async () => {
    await map.load("later");
    map.cells = new Uint16Array(bytes("cells").buffer);
    map.ids = new Uint32Array(bytes("ids").buffer);
    map.backdrop = new Uint16Array(bytes("backdrop").buffer);
    if (taken.has("predictions")) map.predictions = codes(map.about.width, bytes("predictions"));
    if (taken.has("probabilities")) map.probabilities = new Uint16Array(bytes("probabilities").buffer);
  };

  async function chunk(kind, store, number, read) {
    if (!store[number]) {
      const name = `${kind}-${String(number).padStart(4, "0")}`;
      await map.load(name);
      store[number] = store[number] || read(bytes(name));
    }
    return store[number];
  }
  const readNames = (found) => JSON.parse(utf8.decode(found));
  const readRanks = (found) => new Uint32Array(found.buffer);

  /* Names and neighbours come in pieces, each when it is first needed. */
  map.name = async (rank) => (await chunk("names", names, rank / CHUNK | 0, readNames))[rank % CHUNK];
  map.neighbours = async (rank) => {
    const found = await chunk("neighbours", neighbours, rank / CHUNK | 0, readRanks), each = map.about.neighbours;
    return Array.from(found.subarray(rank % CHUNK * each, (rank % CHUNK + 1) * each));
  };
  map.allNames = async () => {
    const last = Math.ceil(map.count / CHUNK);
    return (await Promise.all(Array.from({ length: last }, (_, i) => chunk("names", names, i, readNames)))).flat();
  };

  map.className = (code) => map.about.classes[code].name || "no label";
  map.wrong = (rank) => map.labels[rank] !== map.predictions[rank];
})();
