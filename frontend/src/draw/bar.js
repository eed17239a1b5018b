// Counts side by side, largest on top.
// {"items": [{"name": "活跃", "family": "F6", "value": 12, "url": "…"}], "unit": "人", "upright": false, "plain": false}
// Bars of one family differ in shade, so that stages can be told apart; "plain" gives them one colour.
import { colourOf, colours, full, shares, short } from './base.js';

export function bar(data, place) {
  const items = data.upright ? data.items : [...data.items].reverse(); // ECharts counts rows from below
  const paints = data.plain ? items.map((item) => colourOf(item.family, 0)) : colours(items);
  const names = { type: 'category', data: items.map((item) => item.name), axisTick: { show: false } };
  const say = (value) => `${short(value)}${data.unit === '%' ? '%' : ''}`;
  const numbers = { type: 'value', min: data.min ?? 0, ...shares(data.unit), axisLabel: { formatter: say }, splitNumber: data.unit === '%' ? 5 : 4 };
  if (!data.upright && place) place.style.height = `${Math.max(120, 40 + 32 * items.length)}px`;
  return {
    grid: { left: 8, right: 56, top: 16, bottom: 8, containLabel: true },
    xAxis: data.upright ? names : numbers,
    yAxis: data.upright ? numbers : names,
    tooltip: { trigger: 'item', formatter: (p) => `${p.name}  ${full(p.value)}${data.unit ?? ''}` },
    series: [{
      type: 'bar', barMaxWidth: 28,
      label: { show: true, position: data.upright ? 'top' : 'right', formatter: (p) => say(p.value) },
      data: items.map((item, at) => ({ value: item.value, name: item.name, url: item.url, itemStyle: { color: paints[at] } })),
    }],
  };
}
