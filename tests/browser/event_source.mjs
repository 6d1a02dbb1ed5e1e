// The example of the documentation in a real browser: `node event_source.mjs PUPPETEER CHROMIUM COOKIE PAGE SCRIPT`,
// where PUPPETEER is the file that resolves it, and COOKIE is JSON or empty. Prints what the page logs, line by line.
import { createRequire } from 'node:module';

const [resolving, executablePath, cookie, url, script] = process.argv.slice(2);
const puppeteer = createRequire(resolving)('puppeteer-core');
const browser = await puppeteer.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
try {
  if (cookie) await browser.setCookie(JSON.parse(cookie));
  const page = await browser.newPage();
  page.on('console', (message) => message.type() === 'log' && console.log(message.text()));
  await page.goto(url);
  await page.evaluate(`{ ${script}; source.addEventListener("error", () => console.log("error " + source.readyState)); }`);
  // Until whoever reads this has heard enough.
  await new Promise((resolve) => process.stdin.on('end', resolve).resume());
} finally {
  await browser.close();
}
