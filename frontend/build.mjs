// Makes the browser's files: `node build.mjs OUTPUT_FOLDER`. Called by hatch_build.py, never by a user's machine.
import { build } from 'esbuild';
import fs from 'node:fs';
import path from 'node:path';

const out = process.argv[2] ?? path.join('..', 'src', 'tenure_app', 'static', 'tenure_app');
const write = (name, text) => {
  const target = path.join(out, name);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, text);
};
const read = (name) => fs.readFileSync(path.join('node_modules', name), 'utf8');

// Every file directly in src/ is one asset of its own; folders below it hold what they share.
const entryPoints = fs.readdirSync('src').filter((name) => /\.(js|css)$/.test(name)).map((name) => `src/${name}`);
await build({
  entryPoints,
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2020',
  outdir: out,
  outbase: 'src',
  sourcemap: false,
  legalComments: 'none', // whole licence texts lie in licences/ below
  logLevel: 'warning',
});

// Django's manifest storage refuses a comment that names a map which is not shipped.
const withoutMaps = (text) => text.replace(/\/\*# sourceMappingURL=[^*]*\*\/|\/\/# sourceMappingURL=.*/g, '');
write('vendor/tabler.min.css', withoutMaps(read('@tabler/core/dist/css/tabler.min.css')));
write('vendor/tabler.min.js', withoutMaps(read('@tabler/core/dist/js/tabler.min.js')));
write('vendor/htmx.min.js', withoutMaps(read('htmx.org/dist/htmx.min.js')));

// One sprite, `<svg class="icon"><use href="…/icons.svg#search"/></svg>`: a handful of the 5,000 drawings.
const symbol = (name) => {
  const drawing = read(`@tabler/icons/icons/outline/${name}.svg`);
  const inner = drawing.replace(/<!--[\s\S]*?-->/g, '').replace(/^[\s\S]*?<svg[^>]*>/, '').replace(/<\/svg>\s*$/, '');
  const shapes = inner.replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*\/>/, '').replace(/\s*\n\s*/g, '');
  return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" `
    + `stroke-linecap="round" stroke-linejoin="round">${shapes}</symbol>`;
};
const names = JSON.parse(fs.readFileSync('icons.json', 'utf8'));
write('icons.svg', `<svg xmlns="http://www.w3.org/2000/svg">\n${names.map(symbol).join('\n')}\n</svg>\n`);

// The licences of what we ship.
write('licences/echarts.txt', read('echarts/LICENSE') + '\n' + read('echarts/NOTICE'));
write('licences/tabler-icons.txt', read('@tabler/icons/LICENSE'));
write('licences/htmx.txt', fs.existsSync('node_modules/htmx.org/LICENSE') ? read('htmx.org/LICENSE') : 'htmx: Zero-Clause BSD\n');
write('licences/tabler.txt', fs.existsSync('node_modules/@tabler/core/LICENSE')
  ? read('@tabler/core/LICENSE') : '@tabler/core: MIT License, Copyright (c) 2018-2026 The Tabler Authors\n');
