// picture.mjs : URL's page with somebody looked up, into the file PICTURE. See picture.sh.
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const { chromium } = createRequire(join(resolve("build/browser"), "package.json"))("playwright-core");
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", headless: true, args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage({ viewport: { width: 1080, height: 900 } });
await page.goto(process.env.URL + "/");
await page.waitForSelector("body[data-events]");
const { lists } = await (await fetch(process.env.URL + "/status")).json();
const chosen = lists.map((one) => one.list).find((list) => list.rated > 20 && list.rated < 60) ?? lists[0].list;
await page.fill("#who", chosen.user);
await page.keyboard.press("Enter");
await page.waitForSelector("#list");
await page.evaluate(() => document.activeElement.blur());
await page.waitForTimeout(1500);
await page.addStyleTag({ content: "#user .wide { max-height: 21rem; overflow: hidden; } #lists tbody tr:nth-child(n+5) { display: none; }" });
await page.screenshot({ path: process.env.PICTURE, fullPage: true });
await browser.close();
