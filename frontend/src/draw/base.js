// What all charts share: the drawing library, colours by family, numbers in the reader's language.
import * as echarts from 'echarts/core';
import { BarChart, CustomChart, HeatmapChart, LineChart, SankeyChart } from 'echarts/charts';
import {
  AriaComponent, DataZoomComponent, DatasetComponent, GraphicComponent, GridComponent, LegendComponent,
  MarkLineComponent, TitleComponent, TooltipComponent, VisualMapComponent,
} from 'echarts/components';
import { CanvasRenderer, SVGRenderer } from 'echarts/renderers';
import { LabelLayout } from 'echarts/features';
import langZH from 'echarts/i18n/langZH-obj.js';

echarts.registerLocale('ZH', langZH);
echarts.use([
  BarChart, CustomChart, HeatmapChart, LineChart, SankeyChart, AriaComponent, DataZoomComponent, DatasetComponent,
  GraphicComponent, GridComponent, LegendComponent, MarkLineComponent, TitleComponent, TooltipComponent,
  VisualMapComponent, CanvasRenderer, SVGRenderer, LabelLayout,
]);

export { echarts };
export const chinese = () => document.documentElement.lang.toLowerCase().startsWith('zh');

const style = () => getComputedStyle(document.documentElement);
export const paint = (name) => style().getPropertyValue(name).trim();

// Stages of one family in one model get the family's colour in steps, the first one as it is.
export function colourOf(family, step = 0) {
  const base = paint(`--stage-${(family ?? 'none').toLowerCase()}`) || paint('--stage-none');
  return step ? mix(base, '#ffffff', Math.min(0.2 * step, 0.6)) : base;
}

export function colours(items) {
  const seen = {};
  return items.map((item) => {
    const step = seen[item.family] ?? 0;
    seen[item.family] = step + 1;
    return colourOf(item.family, step);
  });
}

function mix(one, other, share) {
  const part = (colour, at) => parseInt(colour.slice(at, at + 2), 16);
  const hex = [1, 3, 5].map((at) => Math.round(part(one, at) * (1 - share) + part(other, at) * share));
  return `#${hex.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}

// 12.3万 and 1.2亿 from five digits on; 123K and 1.2M in English: as tenure.words.formats.compact writes them.
export function short(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  const notation = chinese() && Math.abs(value) < 1e4 ? 'standard' : 'compact';
  return new Intl.NumberFormat(chinese() ? 'zh-CN' : 'en', { notation, maximumFractionDigits: 1 }).format(value);
}

export const full = (value) => (value === null || value === undefined ? '–'
  : new Intl.NumberFormat(chinese() ? 'zh-CN' : 'en', { maximumFractionDigits: 2 }).format(value));

// An axis of percentages never reaches beyond 100 on its own.
export const shares = (unit) => (unit === '%' ? { max: (range) => (range.max > 80 && range.max <= 100 ? 100 : null) } : {});

// Weeks need their month: the first of a month has no label where a week's is close to it.
export const dayLabels = { hideOverlap: true, formatter: { day: '{MM}-{dd}' } };
// Days are plain dates; midday keeps them on their day in every zone of the reader.
export const instant = (day) => new Date(`${day}T12:00:00`).getTime();
export const sayDay = (value) => new Intl.DateTimeFormat(chinese() ? 'zh-CN' : 'en-GB',
  { year: 'numeric', month: chinese() ? 'long' : 'short', day: 'numeric' }).format(value);

export function chart(place, option) {
  echarts.getInstanceByDom(place)?.dispose();
  const shown = echarts.init(place, null, { renderer: 'canvas', locale: chinese() ? 'ZH' : 'EN' });
  shown.setOption({
    animation: false, // nothing moves without a reason
    aria: { enabled: true },
    textStyle: { fontFamily: getComputedStyle(place).fontFamily },
    ...option,
    // Plain text: the default tooltip writes HTML with styles inside, which the pages' policy forbids.
    tooltip: { confine: true, renderMode: 'richText', ...option.tooltip },
  });
  new ResizeObserver(() => { if (!shown.isDisposed()) shown.resize(); }).observe(place);
  // Every number leads to its rows: whatever carries a url opens it.
  shown.on('click', (event) => { if (event.data?.url) location.assign(event.data.url); });
  return shown;
}
