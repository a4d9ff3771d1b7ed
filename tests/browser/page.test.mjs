// page.test.mjs : the example page in headless Chromium, opened from its file: what a person clicks and types, and what must be seen then by
// the same C code run natively (expected.c). SCREENSHOT=FILE: where to leave a picture.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const work = resolve("build/browser");
const { chromium } = createRequire(join(work, "package.json"))("playwright-core");
const steps = JSON.parse(execFileSync(join(work, "expected"), { encoding: "utf8" }));
const executablePath = execFileSync("sh", ["-c", "command -v chromium || command -v chromium-browser || command -v google-chrome"],
    { encoding: "utf8" }).trim();
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"];

let profile, context, page;
const errors = [], requests = [];

before(async () => {
    profile = mkdtempSync(join(tmpdir(), "lfrec-page-"));
    context = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args, offline: true,
        viewport: { width: 1100, height: 1000 } });
    page = context.pages()[0] ?? await context.newPage();
    page.setDefaultTimeout(20_000);
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    page.on("request", (request) => requests.push(request.url()));
    await page.goto(pathToFileURL(join(work, "films.html")).href);
    await page.waitForSelector("body[data-ready]");
});
after(async () => {
    await context?.close();
    rmSync(profile, { recursive: true, force: true });
});

const seen_list = () => page.$$eval("#list li", (items) => items.map((item) => ({
    title: item.querySelector(".title").textContent,
    stars: item.querySelector(".value").textContent,
    baseline: item.querySelector(".baseline").textContent,
    reasons: [...item.querySelectorAll(".reason")].map((reason) => ({
        title: reason.querySelector(".title").textContent, share: reason.querySelector(".share").textContent })),
})));
const stars = (film, value) => page.locator(`#film-${film} label`).nth(value - 1);

function expected(name) {
    const step = steps.find((one) => one.step === name);
    assert.ok(step, `expected.c has a step '${name}'`);
    assert.ok(step.list.length === 5);
    return step;
}
async function trained_as(name) {
    const step = expected(name);
    await page.waitForSelector("body[data-ready]");
    assert.deepEqual((await page.getAttribute("body", "data-ready")).split(" "), step.errors);
    assert.equal(await page.textContent("#state"), `${step.ratings} ratings, error ${step.errors.at(-1)}`);
    const points = (await page.getAttribute("#curve polyline", "points")).split(" ");
    assert.equal(points.length, step.errors.length);
    assert.deepEqual(await seen_list(), step.list);
}

test("the module imports nothing and is below 40 KB", () => {
    const bytes = readFileSync(join(work, "films.wasm"));
    assert.deepEqual(WebAssembly.Module.imports(new WebAssembly.Module(bytes)), []);
    assert.ok(bytes.length < 40 * 1024, `${bytes.length} bytes`);
});

test("it trains when it opens, and lists what the C program lists", async () => {
    await trained_as("opened");
    const { errors: curve } = expected("opened");
    assert.ok(Number(curve.at(-1)) < 0.9 * Number(curve[0]), "the error falls");
});

test("every click changes the list and its reasons as in the C program", async () => {
    const before_click = await seen_list();
    await stars(10, 5).click();
    assert.deepEqual(await seen_list(), expected("clicked 5 stars for film 10").list);
    assert.notDeepEqual(await seen_list(), before_click);
    await stars(12, 5).click();
    await stars(33, 1).click();
    assert.deepEqual(await seen_list(), expected("and 5 for film 12, 1 for film 33").list);
});

test("arrow keys choose stars, and the focus stays", async () => {
    await page.focus("#film-33 input:checked");
    await page.keyboard.press("ArrowRight");
    assert.deepEqual(await seen_list(), expected("and by the keyboard 2 for film 33").list);
    assert.equal(await page.evaluate(() => document.activeElement.name + document.activeElement.value), "film-332");
});

test("everything to be worked with is reached by Tab and has a name", async () => {
    await page.focus("#film-33 input:checked");
    await page.keyboard.press("Tab");
    assert.match(await page.evaluate(() => document.activeElement.ariaLabel), /^Take back your rating of /);
    const order = [];
    for (let k = 0; k < 200 && order.at(-1) !== "chosen"; k++) {
        await page.keyboard.press("Tab");
        order.push(await page.evaluate(() => document.activeElement.id));
    }
    assert.ok(order.indexOf("train") >= 0 && order.indexOf("train") < order.indexOf("chosen"), "the button, then the map's films");
    const nameless = await page.$$eval("button, select, input, fieldset, svg", (all) => all.filter((one) =>
        !(one.ariaLabel || one.textContent.trim() || one.labels?.length || one.getAttribute("aria-labelledby"))).map((one) => one.outerHTML));
    assert.deepEqual(nameless, []);
});

test("the map shows every film, the chosen one and its nearest", async () => {
    await page.selectOption("#chosen", "10");
    assert.match(await page.textContent("#near"), /^Nearest to Perihelion Nine: .+, .+, .+\.$/);
    assert.equal(await page.locator("#map circle").count(), 60);
    assert.equal(await page.locator("#map circle.rated").count(), 3);
    assert.equal(await page.locator("#map circle.chosen title").textContent(), "Perihelion Nine");
});

test("it trains again with the person's ratings, the curve drawn on the way", async () => {
    await page.focus("#train");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => /^epoch/.test(document.getElementById("state").textContent));
    await trained_as("trained again");
    if (!process.env.SCREENSHOT) return;
    await page.evaluate(() => document.getElementById("film-10").scrollIntoView({ block: "center" }));
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.screenshot({ path: process.env.SCREENSHOT, fullPage: true });
});

test("a rating that is taken back counts no more", async () => {
    await page.click("#film-12 .clear");
    assert.deepEqual(await seen_list(), expected("and took back film 12").list);
    assert.equal(await page.locator("#film-12 input:checked").count(), 0);
});

test("it asked for nothing but its own file, and nothing went wrong", () => {
    assert.equal(requests.filter((url) => !url.startsWith("file:") && !url.startsWith("data:")).length, 0, requests.join(" "));
    assert.deepEqual(errors, []);
});
