"""The page of a map at 1,000, 10,000 and 60,000 images: seconds to write, megabytes, bytes to the first picture, frame times.

python bench/page.py [CASE ...]   (cases: grey-1000, colour-60000, ...; the number is any)

Takes Chromium and its driver. Grey images are Fashion-MNIST's of 28 x 28 pixels, repeated; colour ones are crops of the sample
photographs of 64 x 64. Thumbnails lie in a file, as a scan leaves them. Frames are those of a zoom from everything to a few
images; the renderer is named, because without a graphics card it is software.
"""

import dataclasses
import multiprocessing
import shutil
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

CASES = ("grey-1000", "grey-10000", "grey-60000", "colour-1000", "colour-10000", "colour-60000")
DISTINCT = 2000
ZOOM = """
const done = arguments[0], times = [], scripts = [], { scene } = map;
let before = 0;
function step(now) {
  if (before) times.push(now - before);
  before = now;
  if (times.length === 60) { done([times, scripts]); return; }
  const start = performance.now();
  scene.collect();
  map.renderer.draw(start, 1);
  scripts.push(performance.now() - start);
  scene.look(0.5 - 0.05 * times.length / 60, 0.5, scene.fit() * 40 ** (times.length / 60));
  requestAnimationFrame(step);
}
requestAnimationFrame(step);
"""


def build(case, folder):
    """Write the page; return seconds and how far the peak of memory rose, in MB."""
    import maps
    from convscope.render.imagemap import write_page

    kind, count = case.split("-")
    count, distinct = int(count), min(int(count), DISTINCT)
    embedding = maps.fashion_map(count) if kind == "grey" else maps.photo_map(distinct)
    if kind == "colour" and count > distinct:
        chosen = np.arange(count) % distinct
        rng = np.random.default_rng(0)
        points = (embedding.points[chosen] + rng.normal(size=(count, 2)) * 0.02).astype(np.float32)
        stored = np.lib.format.open_memmap(folder.parent / f"{case}.npy", "w+", np.uint8, (count, *embedding.thumbnails.shape[1:]))
        for start in range(0, count, distinct):
            stored[start : start + distinct] = embedding.thumbnails[: len(stored[start : start + distinct])]
        stored.flush()
        labels = tuple(embedding.labels[index] for index in chosen)
        embedding = maps.embedding(np.load(folder.parent / f"{case}.npy", mmap_mode="r"), points, embedding.features[chosen], labels)
    elif kind == "grey":
        np.save(folder.parent / f"{case}.npy", embedding.thumbnails)
        embedding = dataclasses.replace(embedding, thumbnails=np.load(folder.parent / f"{case}.npy", mmap_mode="r"))
    before, highest, done = memory(), [0.0], threading.Event()

    def watch():
        while not done.wait(0.01):
            highest[0] = max(highest[0], memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    write_page(embedding, folder)
    seconds = time.perf_counter() - started
    done.set()
    watcher.join()
    return seconds, max(0.0, highest[0] - before)


def memory():
    """Return the process's own memory in MB, without what is mapped from files (Linux)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1e3


def look(folder, browser, driver):
    """Open the page over http; return bytes and seconds to the first picture, ms of frames and of their script, the renderer."""
    from driving import Page, start

    from convscope.viewing import open_server

    with open_server(folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        chromium = start(browser, driver)
        try:
            page = Page(chromium, None).open(f"http://127.0.0.1:{server.server_port}/")
            moved = page.js(
                "const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];"
                "return all.filter((one) => one.responseEnd <= map.first).reduce((sum, one) => sum + one.transferSize, 0)"
            )
            first = page.js("return map.first / 1000")
            chromium.set_script_timeout(120)
            frames, scripts = chromium.execute_async_script(ZOOM)
            renderer = page.js(
                "const { gl } = map.renderer, info = gl.getExtension('WEBGL_debug_renderer_info');"
                "return gl.getParameter(info.UNMASKED_RENDERER_WEBGL)"
            )
            assert page.console() == []
            return moved, first, frames, scripts, renderer
        finally:
            chromium.quit()
            server.shutdown()


def check(count, browser, driver):
    """Return the largest share of images in the wrong place, by their pixels, in six views of a page of tiles; the mouse finds one too."""
    from driving import Page, start

    import maps
    from convscope.render.imagemap import write_page

    embedding = maps.marked_map(count, side=32)
    chromium = start(browser, driver)
    try:
        with tempfile.TemporaryDirectory() as folder:
            write_page(embedding, Path(folder))
            page = Page(chromium, embedding).open((Path(folder) / "index.html").as_uri() + "#0.5,0.5,1,;colour=none")
            wrong = []
            for exact in (True, False):
                page.js("map.scene.turn(arguments[0])", "exact" if exact else "grid")
                for x, y, zoom in ((0.2, 0.3, 6), (0.5, 0.5, 20), (0.9, 0.8, 40)):
                    page.js(
                        "map.scene.look(arguments[0], arguments[1], map.scene.fit() * arguments[2])", x, y, zoom * (count / 60_000) ** 0.5
                    )
                    wrong.append(page.settle().misplaced(exact))
            index = int(np.hypot(*(page.screen(False) - (500, 350)).T).argmin())
            page.mouse(page.screen(False)[index], click=True)
            assert embedding.image_names[index] == page.until("return document.querySelector('#pinned .name')?.title")
            assert page.console() == []
            return max(wrong)
    finally:
        chromium.quit()


def main():
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    renderer = ""
    print("| images | written in | memory | folder | files | first picture | bytes to it | frame, median | 95 % | its script |")
    print("|---" * 10 + "|")
    for case in sys.argv[1:] or CASES:
        with tempfile.TemporaryDirectory() as root, multiprocessing.get_context("spawn").Pool(1) as pool:
            folder = Path(root) / "page"
            seconds, memory = pool.apply(build, (case, folder))
            sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
            moved, first, frames, scripts, renderer = look(folder, browser, driver)
        row = f"{seconds:.1f} s | {memory:.0f} MB | {sum(sizes) / 1e6:.1f} MB | {len(sizes)} | {first:.2f} s | {moved / 1e3:.0f} kB"
        print(f"| {case} | {row} | {statistics.median(frames):.0f} ms | {sorted(frames)[-4]:.0f} ms | {max(scripts):.0f} ms |", flush=True)
    print(f"\nrenderer: {renderer}\n")
    for count in sorted({int(case.split("-")[1]) for case in sys.argv[1:] or CASES}):
        print(f"{count:,} tiles: {check(count, browser, driver):.1%} of their pixels are not where they must be")


if __name__ == "__main__":
    main()
