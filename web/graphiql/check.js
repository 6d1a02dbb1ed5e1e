// GraphiQL in a real browser: `node check.js CHROMIUM URL KEY`. Prints what was seen, as JSON.
import puppeteer from 'puppeteer-core';

const [executablePath, url, key] = process.argv.slice(2);
const browser = await puppeteer.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
const seen = { complaints: [], foreign: [] };
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  page.on('console', (message) => message.type() === 'error' && seen.complaints.push(message.text()));
  page.on('pageerror', (error) => seen.complaints.push(String(error)));
  page.on('request', (request) => new URL(request.url()).origin === url || seen.foreign.push(request.url()));
  await page.evaluateOnNewDocument(() => {
    document.addEventListener('securitypolicyviolation', (violation) => {
      console.error(`policy: ${violation.violatedDirective} ${violation.blockedURI}`);
    });
  });

  await page.goto(`${url}/graphiql`);
  await page.waitForSelector('.graphiql-execute-button');
  // Without a key there is no schema, of which the explorer complains: that is not what is looked for here.
  await page.waitForNetworkIdle();
  seen.complaints.length = 0;

  await page.type('input[name=key]', key);
  await page.click('form[name=key] button');
  await page.waitForNetworkIdle();
  await page.click('.graphiql-execute-button');
  await page.waitForFunction(() =>
    document.querySelector('.graphiql-response .CodeMirror')?.CodeMirror?.getValue().includes('"viewer"'));
  seen.answer = JSON.parse(await page.evaluate(() =>
    document.querySelector('.graphiql-response .CodeMirror').CodeMirror.getValue()));

  // The explorer of the schema, and a dialog, which styles itself.
  await page.click('button[aria-label="Show Documentation Explorer"]');
  await page.waitForSelector('.graphiql-doc-explorer');
  seen.documented = await page.evaluate(() => document.querySelector('.graphiql-doc-explorer').innerText);
  await page.click('button[aria-label="Open settings dialog"]');
  await page.waitForSelector('[role=dialog]');

  seen.inTab = await page.evaluate(() => Object.values({ ...sessionStorage }));
  seen.onDisk = await page.evaluate(() => Object.values({ ...localStorage }));
  seen.cookies = await page.cookies();
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
