#!/usr/bin/env python3
"""Drives the pages of `tepui report` in headless Chromium: browser_test.py TEPUI DATA [SCREENSHOTS].

TEPUI is the program, DATA the folder tests/data. Exit code 77: a browser, its driver or the chart library is missing, and
nothing was tested.
"""
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

SKIP = 77
try:
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.select import Select
except ImportError as missing:
    print(f"skipped: {missing} (Debian: python3-selenium)")
    sys.exit(SKIP)

WIDTHS = (1280, 390)
ATTENTION = ["attention-share", "attention-heads", "attention-parts", "attention-norms", "attention-map"]
TRAINING = ["training-loss", "training-ratio", "training-profile", "training-curve", "training-boundary", "training-weights"]
ORIGIN = ["origin-life", "origin-ranges"]
FIGURES = ["layers", "surface", "heat", "channels", "positions", "tokens", "distributions", "life"]

# Of each direction one; of small multiples those at the edges have it.
AXIS_TITLES = """(plot.layout.scene ? ['xaxis', 'yaxis', 'zaxis'] : ['xaxis', 'yaxis']).map((direction) =>
  Object.entries(plot.layout.scene || plot.layout).filter(([name]) => name.startsWith(direction))
    .some(([, axis]) => axis.title && axis.title.text.length))"""

# Titles of axes that lie among the ticks of their axis, or leave the figure.
TITLES_AMISS = r"""
const plot = document.getElementById(arguments[0] + '-plot');
const all = plot.getBoundingClientRect();
const box = (element) => element.getBoundingClientRect();
return ['x', 'y'].flatMap((axis) => Array.from(plot.querySelectorAll(`.infolayer [class^=${axis}][class$=title]`))
  .filter((title) => {
    const own = box(title);
    return own.left < all.left - 1 || own.right > all.right + 1 || own.bottom > all.bottom + 1 ||
      Array.from(plot.querySelectorAll(`.cartesianlayer .${axis}tick text`)).map(box).some((tick) => axis === 'x' ?
        Math.min(own.bottom, tick.bottom) - Math.max(own.top, tick.top) > 2 :
        Math.min(own.right, tick.right) - Math.max(own.left, tick.left) > 2);
  }).map((title) => title.textContent))"""

# Bytes that tokens may stand for, and how the page must show them.
HOSTILE = {
    b"<script>window.pwned=1</script>": '"<script>window.pwned=1</script>"',
    b"<img src=x onerror=window.pwned=1>": '"<img src=x onerror=window.pwned=1>"',
    b"<b>bold</b>&lt;&amp;": '"<b>bold</b>&lt;&amp;"',
    b'"><a href="javascript:window.pwned=1">': '"\\"><a href=\\"javascript:window.pwned=1\\">"',
    b"%{y}${x}`": '"%{y}${x}`"',
    "\u202eevil\u2066".encode(): '"\\u{202E}evil\\u{2066}"',
    b"\x00\x1b[31m\r\n": '"\\u{0}\\u{1B}[31m\\r\\n"',
    b"\xf0\x9f": '"\\xF0\\x9F"',
    "\U0001f600\u4e2d".encode(): '"\U0001f600\u4e2d"',
    "\u2028]]>\u2029".encode(): '"\\u{2028}]]>\\u{2029}"',
}


RECIPE = """[model]
family = "llama"
layers = 2
heads = 2
width = 32
context = 64
[data]
text = "sample.txt"
[train]
steps = 40
batch = 4
learning_rate = RATE
evaluate_every = 20
evaluation_batches = 1
watch_every = 4
"""


class Pages:
    """The stores and pages that all tests look at, made once."""

    def __init__(self, program, data, folder):
        self.program, self.folder = program, folder
        model, text = data / "demo-model", data / "demo-model" / "sample.txt"
        shutil.copy(text, folder / "sample.txt")
        common = [model, "--text", text, "--sequences", "4", "--sites", "resid_post,mlp_out"]
        self.run("scan", *common, "--surface", "2", "--out", folder / "bos")
        self.run("scan", *common, "--bos", "no", "--out", folder / "plain")
        shutil.copytree(folder / "bos", folder / "hostile")
        self.poison(folder / "hostile" / "scan.sqlite")
        self.run("intervene", model, "--text", text, "--sequences", "4", "--min-ratio", "500", "--out", folder / "study")
        self.run("perplexity", model, "--text", text, "--sequences", "2", "--out", folder / "scored")
        self.study = self.report("study.html", "study")
        self.scored = self.report("scored.html", "scored", "bos")
        self.run("attention", model, "--text", text, "--sequences", "2", "--map", "3.4", "--map", "5", "--map-tokens", "24",
                 "--branch", "zeroed=resid_post.1-6:0:36,119=zero", "--out", folder / "attention")
        self.one = self.report("one.html", "hostile")
        self.attention = self.report("attention.html", "attention")
        self.run("origin", model, "--text", text, "--sequences", "2", "--min-ratio", "500", "--out", folder / "origin")
        self.origin = self.report("origin.html", "origin")
        self.two = self.report("two.html", "bos", "plain")
        for name, rate in (("quick", "1e-2"), ("slow", "1e-3")):
            recipe = RECIPE.replace("RATE", rate)
            (folder / f"{name}.toml").write_text(recipe, encoding="utf-8")
            self.run("train", folder / f"{name}.toml", "--out", folder / name, "--backend", "cpu")
        self.trained = self.report("trained.html", "quick")
        self.run("bench", "--shape", "llama-134m", "--layers", "1", "--lengths", "8,16", "--tokens", "16", "--rounds", "2",
                 "--types", "f32,q8_0", "--backends", "cpu", "--out", folder / "bench.json")
        self.bench = self.report("bench.html", "bench.json")
        self.variants = self.report("variants.html", "quick", "slow")

    def run(self, *arguments):
        command = [str(self.program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0 and "plotly.js" in done.stderr:
            print("skipped: " + done.stderr)
            sys.exit(SKIP)
        if done.returncode != 0:
            raise RuntimeError(f"{command}: {done.stderr}")

    def report(self, name, *stores):
        self.run("report", *(self.folder / store for store in stores), "--out", self.folder / name)
        return (self.folder / name).as_uri()

    @staticmethod
    def poison(store):
        """Gives the tokens with the largest values in layer 4 hostile spellings."""
        database = sqlite3.connect(store)
        rows = database.execute(
            "SELECT tokens, \"values\" FROM series JOIN sequence USING (sequence) "
            "WHERE metric = 'token_max' AND site = 'resid_post' AND layer = 4")
        largest = {}
        for tokens, values in rows:
            for token, value in zip(memoryview(tokens).cast("i"), memoryview(values).cast("f")):
                largest[token] = max(largest.get(token, 0), abs(value))
        order = sorted(largest, key=largest.get, reverse=True)
        for token, spelling in zip(order, HOSTILE):
            database.execute("UPDATE vocabulary SET bytes = ?, piece = ? WHERE token_id = ?", (spelling, spelling, token))
        database.commit()
        database.close()


def browser(downloads):
    options = Options()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.binary_location = shutil.which("chromium")
    driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
    driver.set_page_load_timeout(60)
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
    return driver


class Report(unittest.TestCase):
    pages = driver = downloads = screenshots = None

    def open(self, page, width, scheme="light"):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                    {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        self.driver.get(page)
        self.wait("return document.readyState === 'complete'")

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, script, *arguments, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.js(script, *arguments)
            if value:
                return value
            time.sleep(0.05)
        self.fail(f"waited {seconds} s for: {script} {arguments}")

    def element(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def see(self, name):
        """Scrolls to a figure and waits until it is drawn; again and again, for figures above grow as they are drawn."""
        self.wait("document.getElementById(arguments[0]).scrollIntoView();"
                  "const plot = document.getElementById(arguments[0] + '-plot');"
                  "return plot.data && plot.data.length && plot.querySelector('.main-svg') !== null", name)

    def plot(self, name, expression):
        return self.js(f"const plot = document.getElementById(arguments[0] + '-plot'); return {expression}", name)

    def choose(self, name, label, value):
        for label_element in self.driver.find_elements(By.CSS_SELECTOR, f"#{name} .bar label, #{name} > label"):
            if label_element.text.startswith(label):
                Select(label_element.find_element(By.TAG_NAME, "select")).select_by_value(value)
                return
        self.fail(f"{name} has no choice {label}")

    def no_faults(self):
        faults = [entry for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
        self.assertEqual(faults, [])

    def no_overflow(self, width):
        wide = self.js("return document.documentElement.scrollWidth")
        self.assertLessEqual(wide, width)
        outside = self.js("""
            return Array.from(document.querySelectorAll('main section, header, #controls, .bar, .plot, .scroll, pre'))
              .filter((one) => one.getBoundingClientRect().right > arguments[0] + 0.5)
              .map((one) => one.id || one.className)""", width)
        self.assertEqual(outside, [])

    def look(self, name, figure):
        if self.screenshots is None:
            return
        target = self.element(f"#{figure}")
        target.screenshot(str(self.screenshots / f"{name}-{figure}.png"))

    def every_figure(self, page, figures, width, name):
        self.open(page, width)
        for figure in figures:
            self.see(figure)
            self.assertTrue(self.element(f"#{figure} h2").text)
            self.assertGreater(len(self.element(f"#{figure} .see").text), 20, figure)
            self.assertTrue(all(self.plot(figure, AXIS_TITLES)), figure)
            self.assertEqual(self.js(TITLES_AMISS, figure), [], f"{figure} at {width}")
            self.element(f"#{figure} summary").send_keys(Keys.ENTER)
            self.wait("return document.querySelectorAll('#' + arguments[0] + ' tbody tr').length", figure)
            self.look(name, figure)
        self.no_overflow(width)
        self.no_faults()

    def test_every_figure_of_one_run(self):
        for width in WIDTHS:
            with self.subTest(width=width):
                self.every_figure(self.pages.one, FIGURES, width, f"one-{width}")

    def test_every_figure_of_two_runs(self):
        for width in WIDTHS:
            with self.subTest(width=width):
                self.every_figure(self.pages.two, ["compare", *FIGURES], width, f"two-{width}")
        self.assertEqual(self.plot("compare", "plot.data.length"), 2)
        self.assertEqual(self.plot("layers", "plot.layout.yaxis2.matches"), "y")
        names = self.plot("compare", "plot.data.map((trace) => trace.name)")
        self.assertEqual(names, ["demo-model, with BOS", "demo-model, without BOS"])

    def test_every_figure_of_attention(self):
        for width in WIDTHS:
            with self.subTest(width=width):
                self.every_figure(self.pages.attention, ATTENTION, width, f"attention-{width}")
        self.assertEqual(self.plot("attention-share", "plot.data.map((trace) => trace.name)"), ["unedited", "zeroed"])
        before, after = self.plot("attention-share", "plot.data.map((trace) => trace.y[4])")
        self.assertGreater(before, after + 0.3)
        self.assertEqual(self.plot("attention-map", "plot.layout.shapes.length"), 2)
        first = self.plot("attention-map", "plot.data[0].z[9]")
        self.assertAlmostEqual(sum(value for value in first if value), 1, places=2)
        self.choose("attention-map", "Map", "2")
        self.choose("attention-map", "Values", "scores")
        self.wait("return document.getElementById('attention-map-plot').data[0].zmax === undefined")
        self.choose("attention-heads", "Branch", "1")
        self.wait("return document.querySelector('#attention-norms select').value === '1'")
        self.no_faults()

    def test_every_figure_of_origin(self):
        for width in WIDTHS:
            with self.subTest(width=width):
                self.every_figure(self.pages.origin, ORIGIN, width, f"origin-{width}")
        self.assertEqual(self.plot("origin-life", "plot.data.map((trace) => trace.name)"),
                         ["attention", "MLP", "residual stream"])
        attention, mlp, stream = self.plot("origin-life", "plot.data.map((trace) => trace.y)")
        for layer in range(1, 8):
            self.assertAlmostEqual(stream[layer] - stream[layer - 1], attention[layer] + mlp[layer], places=2)
        self.assertEqual(max(range(8), key=lambda layer: abs(mlp[layer])), 1)
        self.choose("origin-life", "Activation", "1")
        self.wait("return document.getElementById('origin-life-plot').data[2].y[4] > 1000")
        self.assertEqual(self.plot("origin-ranges", "plot.layout.shapes.length"), 1)
        self.no_faults()

    def test_every_figure_of_training(self):
        for width in WIDTHS:
            with self.subTest(width=width):
                self.every_figure(self.pages.trained, TRAINING, width, f"trained-{width}")
        self.assertEqual(self.plot("training-loss", "plot.data.map((trace) => trace.name)"),
                         ["each step", "training", "validation"])
        steps, layers = self.plot("training-ratio", "[plot.data[0].z[0].length, plot.data[0].z.length]")
        self.assertEqual((steps, layers), (13, 2))  # 0, 1, 2, 4, 8, ... 40
        last = self.plot("training-profile", "plot.data[0].y")
        self.element("#training-profile input[type=range]").send_keys(Keys.HOME)
        self.wait("return document.getElementById('training-profile-plot').data[0].y[1] !== arguments[0]", last[1])
        self.assertEqual(self.element("#training-profile output").text, "0")
        self.choose("training-curve", "Curve", "none")
        self.wait("return document.getElementById('training-curve-plot').data.length === 3")
        self.choose("training-curve", "Steps", "log")
        self.wait("return document.getElementById('training-loss-plot').layout.xaxis.type === 'log'")
        self.choose("training-weights", "Quantity", "deviation")
        self.wait("return Math.max(...document.getElementById('training-weights-plot').data[0].y) < 1")
        self.no_faults()

    def test_training_runs_side_by_side(self):
        self.every_figure(self.pages.variants, [*TRAINING, "training-variants"], 1280, "variants-1280")
        self.assertEqual(self.plot("training-ratio", "plot.data.length"), 2)
        quick, slow = self.plot("training-variants", "plot.data[0].x")
        self.assertLess(quick, slow)

    def test_figures_of_a_measurement(self):
        for width in WIDTHS:
            with self.subTest(width=width):
                self.every_figure(self.pages.bench, ["bench-speed", "bench-share"], width, f"bench-{width}")
        self.assertEqual(self.plot("bench-speed", "plot.data.map((trace) => trace.name)"),
                         ["cpu, f32", "cpu, f32, with statistics", "cpu, q8_0", "cpu, q8_0, with statistics"])
        self.assertIn("--types f32,q8_0", self.element("#facts pre").text)

    def test_runs_can_be_left_out(self):
        self.open(self.pages.two, 1280)
        self.see("compare")
        self.driver.find_elements(By.CSS_SELECTOR, "#controls input[type=checkbox]")[1].click()
        self.wait("return document.getElementById('compare-plot').data.length === 1")
        self.no_faults()

    def test_facts_have_the_command(self):
        self.open(self.pages.two, 390)
        commands = [one.text for one in self.driver.find_elements(By.CSS_SELECTOR, "#facts pre")]
        self.assertEqual(len(commands), 2)
        self.assertIn("--bos no", commands[1])
        for fact in ("Model fingerprint", "Text fingerprint", "Backend", "Device", "Version", "Time"):
            self.assertIn(fact, self.element("#facts").text)

    def test_controls_change_the_figures(self):
        self.open(self.pages.one, 1280)
        self.see("layers")
        before = self.plot("layers", "plot.data[0].y")
        self.choose("layers", "Scale", "linear")
        self.wait("return document.getElementById('layers-plot').layout.yaxis.type === 'linear'")
        self.element("#layers .bar input[type=checkbox]").click()
        self.wait("return document.getElementById('layers-plot').data[0].y[1] !== arguments[0]", before[1])
        median = self.plot("layers", "plot.data[3].y")
        self.assertEqual(set(median), {1})

        self.see("life")
        first = self.plot("life", "plot.data[0].y")
        self.choose("life", "Activation", "1")
        self.wait("return document.getElementById('life-plot').data[0].y[1] !== arguments[0]", first[1])

        self.see("tokens")
        layer = self.plot("tokens", "plot.data[0].x[0]")
        self.element("#tokens input[type=range]").send_keys(Keys.HOME)
        self.wait("return document.getElementById('tokens-plot').data[0].x[0] !== arguments[0]", layer)

        Select(self.element("#controls select")).select_by_value("mlp_out")
        self.wait("return document.getElementById('layers-plot').data[0].y[1] !== arguments[0]", before[1])
        self.no_faults()

    def test_surface_and_heat_map_follow_one_choice(self):
        self.open(self.pages.one, 1280)
        self.see("surface")
        self.see("heat")
        peak = self.plot("surface", "Math.max(...plot.data[0].z.flat())")
        self.assertGreater(peak, 3000)
        slider = self.element("#surface input[type=range]")
        slider.send_keys(Keys.HOME)
        self.wait("return Math.max(...document.getElementById('surface-plot').data[0].z.flat()) < 100")
        self.wait("return Math.max(...document.getElementById('heat-plot').data[0].z.flat()) < 2")
        self.assertEqual(self.element("#heat input[type=range]").get_attribute("value"), "0")
        self.assertEqual(self.js("return document.activeElement.type"), "range")
        self.choose("heat", "Sequence", "1")
        self.wait("return document.querySelector('#surface .see').textContent.includes('sequence 1')")
        self.element("#surface-plot").send_keys(Keys.ARROW_LEFT)
        eye = "document.getElementById('surface-plot').layout.scene.camera.eye"
        self.wait(f"return Math.abs({eye}.x - CAMERA.x) > 0.05")
        self.element("#surface-plot").send_keys("0")
        self.wait(f"return Math.abs({eye}.x - CAMERA.x) < 1e-9")
        self.no_faults()

    def test_interventions_and_the_words_they_cost(self):
        for width in WIDTHS:
            with self.subTest(width=width):
                self.every_figure(self.pages.study, ["interventions", "changes", "classes"], width, f"study-{width}")
        self.open(self.pages.study, 1280)
        for section in self.driver.find_elements(By.CSS_SELECTOR, "main section"):
            self.js("arguments[0].scrollIntoView()", section)
            time.sleep(0.2)
        self.see("interventions")
        unedited, zero = self.plot("interventions", "plot.data[0].x.slice(0, 2)")
        self.assertLess(25, unedited)
        self.assertLess(1.1 * unedited, zero)
        self.choose("interventions", "Quantity", "kl")
        self.wait("return document.getElementById('interventions-plot').data[0].x[0] === 0")
        self.see("changes")
        self.assertEqual(self.plot("changes", "plot.data.length"), 5)
        # Measured from the first edit on.
        self.assertEqual(self.plot("changes", "plot.data[0].x[0]"), 1)
        self.assertLess(0, self.plot("changes", "plot.data[0].y[0]"))

        self.js("document.getElementById('words').scrollIntoView()")
        spans = "Array.from(document.querySelectorAll('#words .words span'))"
        self.wait(f"return {spans}.length === 255")
        text = self.js(f"return {spans}.map((one) => one.textContent).join('')")
        self.assertIn(text.strip()[:40], (self.pages.folder / "sample.txt").read_text(encoding="utf-8"))
        colours = f"{spans}.map((one) => getComputedStyle(one).backgroundColor)"
        first = self.js(f"return {colours}")
        self.assertGreater(len(set(first)), 20)
        self.assertRegex(self.js(f"return {spans}[3].title"), r"loss [0-9.e-]+ to [0-9.e-]+ \([+-]?[0-9.e-]+\)")
        self.choose("words", "Branch", "2")
        self.wait(f"return {colours}.join() !== arguments[0]", ",".join(first))
        self.assertNotIn("rgba(213", ",".join(self.js(f"return {colours}")))  # the mean costs nothing
        self.choose("words", "Sequence", "3")
        self.wait(f"return !{spans}.map((one) => one.textContent).join('').startsWith(arguments[0])", text[:40])
        self.see("classes")
        self.choose("classes", "By", "coherence")
        self.wait("return document.getElementById('classes-plot').data[0].y.length === 2")
        self.no_faults()

    def test_a_run_that_only_scored_its_text(self):
        self.open(self.pages.scored, 1280)
        self.see("interventions")
        self.assertEqual(self.plot("interventions", "plot.data[0].x.length"), 1)
        self.see("layers")
        self.assertIn("predictions alone", self.element("#findings").text)
        self.no_faults()

    def test_hostile_tokens_are_shown_and_do_nothing(self):
        self.open(self.pages.one, 1280)
        for figure in FIGURES:
            self.see(figure)
        self.element("#tokens summary").send_keys(Keys.ENTER)
        self.wait("return document.querySelectorAll('#tokens td.token').length > 0")
        shown = [one.get_attribute("textContent") for one in self.driver.find_elements(By.CSS_SELECTOR, "#tokens td.token")]
        ticks = self.js("return Array.from(document.querySelectorAll('#tokens-plot .ytick text')).map((t) => t.textContent)")
        for spelling in HOSTILE.values():
            self.assertIn(spelling, shown)
            cut = spelling if len(spelling) <= 24 else spelling[:23] + "\u2026"
            self.assertIn(cut, ticks)
        self.js("Plotly.Fx.hover('tokens-plot', [{curveNumber: 0, pointNumber: 0}])")
        hover = self.wait("const t = document.querySelector('#tokens-plot .hovertext'); return t && t.textContent")
        self.assertIn("<script>window.pwned=1</script>", hover)
        self.assertEqual(self.js("return typeof window.pwned"), "undefined")
        self.assertEqual(self.js("return document.querySelectorAll('script').length"), 3)
        added = "document.querySelectorAll('main img, main b, main iframe, main a, main script').length"
        self.assertEqual(self.js(f"return {added} - document.querySelectorAll('main .modebar a').length"), 0)
        self.no_faults()

    def test_colours_follow_the_system_and_the_reader(self):
        self.open(self.pages.one, 1280, "dark")
        self.see("layers")
        background = "getComputedStyle(document.body).backgroundColor"
        dark = self.js(f"return {background}")
        self.assertEqual(self.plot("layers", "plot.layout.font.color"), "#e6edf3")
        Select(self.driver.find_elements(By.CSS_SELECTOR, "#controls select")[-1]).select_by_value("light")
        self.assertNotEqual(self.js(f"return {background}"), dark)
        self.wait("return document.getElementById('layers-plot').layout.font.color === '#1b1f24'")
        self.no_faults()

    def test_figures_and_numbers_can_be_saved(self):
        self.open(self.pages.one, 1280)
        for figure, kind in (("layers", "svg"), ("surface", "png"), ("layers", "csv")):
            self.see(figure)
            label = "Save numbers as CSV" if kind == "csv" else "Save as " + kind.upper()
            self.driver.find_element(By.XPATH, f"//section[@id='{figure}']//button[.='{label}']").click()
            content = self.downloaded(f"tepui-{figure}.{kind}")
            if kind == "svg":
                self.assertIn("svg", xml.etree.ElementTree.fromstring(content).tag)
            elif kind == "png":
                self.assertEqual(content[:8], b"\x89PNG\r\n\x1a\n")
                self.assertGreater(len(content), 20000)
            else:
                self.assertEqual(content.splitlines()[0].split(b",")[1], b"layer")
                self.assertEqual(len(content.splitlines()), 9)
        self.no_faults()

    def downloaded(self, name):
        file = self.downloads / name
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if file.exists() and file.stat().st_size > 0:
                return file.read_bytes()
            time.sleep(0.1)
        self.fail(f"{name} did not come")
        return b""


def main():
    if shutil.which("chromium") is None or shutil.which("chromedriver") is None:
        print("skipped: chromium or chromedriver is missing (Debian: chromium, chromium-driver)")
        return SKIP
    program, data = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        Report.pages = Pages(program, data, folder)
        Report.downloads = folder / "downloads"
        if len(sys.argv) > 3:
            Report.screenshots = pathlib.Path(sys.argv[3])
        Report.driver = browser(Report.downloads)
        try:
            result = unittest.TextTestRunner(verbosity=2).run(unittest.defaultTestLoader.loadTestsFromTestCase(Report))
        finally:
            Report.driver.quit()
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
