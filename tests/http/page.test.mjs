// page.test.mjs : the daemon's live page in headless Chromium: figures, charts, lists, a user's reasons, the keyboard, hostile ids.
// URL: the daemon's port; BROKER: its embedded broker, for further ratings; SCREENSHOT=FILE: where to leave a picture.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const { chromium } = createRequire(join(resolve("build/browser"), "package.json"))("playwright-core");
const { URL: url, BROKER: broker } = process.env;
const executablePath = execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"];

let profile, context, page;
const errors = [], requests = [];

before(async () => {
    profile = mkdtempSync(join(tmpdir(), "lfrec-page-"));
    context = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args, viewport: { width: 1200, height: 1000 } });
    page = context.pages()[0] ?? await context.newPage();
    page.setDefaultTimeout(15_000);
    await page.addInitScript(() => { window.hits = 0; window.hit = () => { window.hits++; }; });
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => message.type() === "error" && !/status of 404/.test(message.text()) && errors.push(message.text()));
    page.on("request", (request) => requests.push(request.url()));
    await page.goto(url + "/");
    await page.waitForSelector("body[data-events]");
});
after(async () => {
    await context?.close();
    rmSync(profile, { recursive: true, force: true });
});

/* Not page.waitForFunction: the page's policy lets no text be evaluated in it. */
async function until(holds, argument) {
    for (let tries = 0; tries < 150; tries++) {
        if (await page.evaluate(holds, argument)) return;
        await page.waitForTimeout(100);
    }
    assert.fail(`never so: ${holds}`);
}
const rate = (...events) => execFileSync("kcat", ["-P", "-b", broker, "-t", "ratings"],
    { input: events.map((event) => JSON.stringify(event) + "\n").join(""), timeout: 20_000 });
const figure = (name) => page.locator("#figures div", { has: page.locator("dt", { hasText: name }) }).locator("dd").textContent();
const looked_up = (id) => until((shown) => document.querySelector("#user h3 bdi")?.textContent === shown, id);
const column = (table, index) => page.$$eval(`${table} tbody tr`, (rows, at) => rows.map((row) => row.cells[at].textContent), index);

test("only its own script may run: the policy has the script's hash", () => {
    const text = readFileSync("plugin/page.html", "utf8"), [, script] = text.match(/<script>([^]*)<\/script>/);
    const hash = createHash("sha256").update(script).digest("base64");
    assert.ok(text.includes(`script-src 'sha256-${hash}'`), `plugin/page.html must say: script-src 'sha256-${hash}'`);
});

test("the figures are those of the daemon", async () => {
    assert.equal(await page.textContent("#state"), "ready");
    assert.match(await figure("Users"), /^32 /);
    assert.match(await figure("Bad events"), /^3 /);
    assert.match(await figure("Running error"), /^\d\.\d{3} means alone \d\.\d{3}$/);
    assert.match(await figure("Event to output"), /^\u2264 [\d.]+ ms 99%: \u2264 [\d.,]+ ms$/);
});

test("the charts are drawn, say in words what they show, and mark the retrain", async () => {
    await page.waitForSelector("#flow path.line", { state: "attached" });
    await page.waitForSelector("#lag path.line", { state: "attached" });
    await page.waitForSelector("#error .mark", { state: "attached" });
    assert.match(await page.textContent("#flow svg > title"), /events per second now, .* at most/);
    assert.match(await page.textContent("#error svg > title"), /Running error \d\.\d{3} at first, \d\.\d{3} now\. \d+ retrains\./);
    assert.equal((await page.$$("#error .mark")).length, (await page.$$("#retrains tr")).length);
    assert.doesNotMatch(await page.getAttribute("#error path.line", "d"), /NaN|undefined/);
});

test("a user is looked up by the keyboard, with a reason for every item", async () => {
    await page.getByLabel("User id").focus();
    await page.keyboard.type("u3");
    await page.keyboard.press("Enter");
    await looked_up("u3");
    const user = await (await fetch(`${url}/users/u3`)).json();
    assert.equal(user.history.length, 12);
    assert.deepEqual(await column("#history", 0), user.history.map((rating) => rating.item));
    assert.deepEqual(await column("#list", 0), user.items.map((item) => item.item.replace("\n", "\u240a")));
    const reasons = await page.$$eval("#list tbody tr", (rows) => rows.map((row) => row.querySelectorAll(".why li").length));
    assert.deepEqual(reasons, user.items.map((item) => item.reasons.filter((reason) => reason.share !== 0).length));
    assert.ok(reasons.every((count) => count > 0));
    assert.match(await page.textContent("#list .why li"), /^[+\u2212]\d\.\d{3}because i\d+ was rated [1-5]$/);
    assert.ok(page.url().endsWith("#user=u3"));
});

test("a new rating is seen: the event, the list, the user behind it", async () => {
    rate({ user: "u3", item: "i17", rating: 5 }, { user: "newcomer", item: "i2", rating: 5 });
    await until(() => Number(document.body.dataset.events) === 369);
    await page.locator("#lists button", { hasText: /^newcomer$/ }).first().click();
    await looked_up("newcomer");
    assert.deepEqual(await column("#history", 1), ["5"]);
});

const hostile = "</script><img src=x onerror=hit()>";

test("hostile ids are text wherever they stand", async () => {
    rate({ user: hostile, item: "i3", rating: 4 });
    await page.mouse.move(5, 5);
    await page.locator("#h-now").click(); /* the table moves again */
    await page.locator("#lists button", { hasText: hostile }).first().click();
    await looked_up(hostile);
    assert.ok((await column("#history", 0)).includes("\"><svg onload=hit()>"));
    await page.goto(`${url}/#user=${encodeURIComponent("<svg onload=hit()>")}`);
    await looked_up("<svg onload=hit()>");
    assert.match(await page.textContent("#user p"), /no ratings of such a user/);
    assert.equal(await page.locator("#user img, #user svg, #user script, #lists img, #lists svg").count(), 0);
    assert.equal(await page.evaluate(() => window.hits), 0);
});

test("an id of dots is a user, and control characters are visible", async () => {
    await page.fill("#who", "..");
    await page.keyboard.press("Enter");
    await looked_up("..");
    assert.ok((await column("#history", 0)).includes("\u202eevil\u240aline"));
    assert.equal(await page.$eval("#history bdi", (bdi) => getComputedStyle(bdi).unicodeBidi), "isolate");
});

test("everything to be worked with is reached by Tab, has a name, and shows the focus", async () => {
    await page.evaluate(() => document.activeElement.blur());
    await page.locator("h1").click();
    const seen = new Set();
    for (let k = 0; k < 40; k++) {
        await page.keyboard.press("Tab");
        seen.add(await page.evaluate(() => document.activeElement.id || document.activeElement.tagName));
    }
    for (const one of ["pause", "SUMMARY", "who", "BUTTON"]) assert.ok(seen.has(one), one);
    await page.focus("#pause");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "solid");
    const nameless = await page.$$eval("button, input, section, svg, summary", (all) => all.filter((one) => !(one.ariaLabel || one.textContent.trim() ||
        one.labels?.length || one.getAttribute("aria-labelledby"))).map((one) => one.outerHTML));
    assert.deepEqual(nameless, []);
});

test("a list that is being used stands still", async () => {
    await page.locator("#lists button").first().focus();
    const focused = await page.evaluate(() => document.activeElement.textContent);
    rate({ user: "u9", item: "i1", rating: 2 });
    const events = Number(await page.getAttribute("body", "data-events"));
    await until((before) => Number(document.body.dataset.events) > before, events);
    assert.equal(await page.evaluate(() => document.activeElement.textContent), focused);
});

test("the pause button stops the page, and starts it again", async () => {
    await page.click("#pause");
    assert.equal(await page.getAttribute("#pause", "aria-pressed"), "true");
    await page.waitForTimeout(300); /* what was asked before */
    const before_events = await page.getAttribute("body", "data-events");
    const asked = requests.length;
    rate({ user: "u10", item: "i1", rating: 2 });
    await page.waitForTimeout(2500); /* two beats */
    assert.equal(requests.length, asked);
    assert.equal(await page.getAttribute("body", "data-events"), before_events);
    await page.click("#pause");
    await until((then) => document.body.dataset.events !== then, before_events);
});

test("on a narrow screen nothing sticks out", async () => {
    await page.setViewportSize({ width: 360, height: 800 });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360));
    await page.setViewportSize({ width: 1200, height: 1000 });
});

test("it asked nobody but the daemon, and nothing went wrong", () => {
    assert.deepEqual(requests.filter((asked) => !asked.startsWith(url) && !asked.startsWith("data:")), []);
    assert.deepEqual(errors, []);
});

test("when the daemon does not answer the page says so", async () => {
    await context.route("**/status", (route) => route.abort());
    await until(() => document.getElementById("state").textContent === "no answer from the daemon");
});
