// Charts: each `<div data-chart="kind">` is drawn from the `<script type="application/json">` beside it.
// The shapes of the data are described where each kind is drawn, in src/draw/.
import { chart, echarts } from './draw/base.js';
import { area, line } from './draw/area.js';
import { bar } from './draw/bar.js';
import { beside } from './draw/beside.js';
import { curve } from './draw/curve.js';
import { heatmap } from './draw/heatmap.js';
import { ribbon } from './draw/ribbon.js';
import { sankey } from './draw/sankey.js';

const kinds = { area, line, bar, beside, curve, heatmap, ribbon, sankey };

function dataOf(place) {
  const source = place.dataset.source ? document.querySelector(place.dataset.source)
    : place.parentElement?.querySelector('script[type="application/json"]');
  return source ? JSON.parse(source.textContent) : null;
}

function draw(place) {
  const option = kinds[place.dataset.chart];
  const data = dataOf(place);
  if (!option || !data) return;
  chart(place, option(data, place));
}

function drawAll(root) {
  if (root instanceof Element && root.matches('[data-chart]')) draw(root);
  root.querySelectorAll?.('[data-chart]').forEach(draw);
}

// `<button data-download="png" data-for="#flow">` saves a chart as it is seen.
document.addEventListener('click', (event) => {
  const button = event.target instanceof Element ? event.target.closest('[data-download]') : null;
  if (!button) return;
  const place = document.querySelector(button.dataset.for);
  const shown = place && echarts.getInstanceByDom(place);
  if (!shown) return;
  const link = document.createElement('a');
  link.href = button.dataset.download === 'svg' ? asSvg(place, shown)
    : shown.getDataURL({ type: 'png', pixelRatio: 2, backgroundColor: '#fff' });
  link.download = `${button.dataset.name ?? 'tenure'}.${button.dataset.download}`;
  link.click();
});

function asSvg(place, shown) {
  // Drawn once more off the page: the page itself uses a canvas, which the pages' policy allows without exceptions.
  const copy = echarts.init(null, null, { renderer: 'svg', ssr: true, width: shown.getWidth(), height: shown.getHeight() });
  copy.setOption({ ...kinds[place.dataset.chart](dataOf(place), place), animation: false });
  const text = copy.renderToSVGString();
  copy.dispose();
  return URL.createObjectURL(new Blob([text], { type: 'image/svg+xml' }));
}

document.addEventListener('DOMContentLoaded', () => drawAll(document));
document.addEventListener('htmx:load', (event) => drawAll(event.detail.elt));
window.echarts = echarts;
window.tenureCharts = { draw, drawAll };
