// Builds the explorer into ../../api/graphiql/files: `node build.js`. Nothing of it is loaded from elsewhere.
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const OUT = '../../api/graphiql/files';

// What several of these entries share becomes a file of its own; without them it would be one of 800 kB.
const entryPoints = {
  explorer: 'explorer.jsx',
  react: 'react-dom/client',
  motion: 'framer-motion',
  markdown: 'markdown-it',
};

rmSync(OUT, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints,
  outdir: OUT,
  bundle: true,
  minify: true,
  splitting: true,
  metafile: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  legalComments: 'none',
  define: { 'process.env.NODE_ENV': '"production"' },
  chunkNames: 'part-[hash]',
});

// Fonts make nearly nine tenths of the styles; the system's will do.
const css = `${OUT}/explorer.css`;
writeFileSync(css, readFileSync(css, 'utf8').replaceAll(/@font-face\{[^}]*\}/g, ''));

const inputs = Object.keys(metafile.inputs);
const packages = new Set(inputs.flatMap((path) => path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1] ?? []));
const underLicense = new Map();
for (const name of [...packages].sort()) {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  const file = readdirSync(folder).find((each) => /^licen[sc]e/i.test(each));
  const text = file ? readFileSync(`${folder}/${file}`, 'utf8').trim() : `License: ${license}`;
  underLicense.set(text, [...(underLicense.get(text) ?? []), `${name} ${version}`]);
}
const notices = [...underLicense].map(([text, names]) => `${names.join('\n')}\n\n${text}\n`);
writeFileSync(`${OUT}/LICENSES.txt`, notices.join(`\n${'-'.repeat(72)}\n\n`));
