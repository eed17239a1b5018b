// What came beside what was foretold: two or three columns a group.
// {"names": ["0", "1", …], "series": [{"name": "", "family": "F6", "values": […]}], "unit": "", "x_name": "", "money": ""}
import { colours, full, short } from './base.js';

export function beside(data) {
  const paints = colours(data.series);
  const say = (value) => `${data.money ?? ''}${full(value)}${data.unit ?? ''}`;
  return {
    grid: { left: 8, right: 16, top: 40, bottom: data.x_name ? 28 : 8, containLabel: true },
    legend: { top: 0, left: 0, icon: 'roundRect', itemWidth: 12, itemHeight: 12 },
    xAxis: {
      type: 'category', data: data.names, axisTick: { show: false }, name: data.x_name, nameLocation: 'middle', nameGap: 26,
    },
    yAxis: { type: 'value', min: 0, axisLabel: { formatter: short } },
    tooltip: {
      trigger: 'axis',
      axisPointer: { type: 'shadow' },
      formatter: (shown) => [
        `${data.x_name ? `${data.x_name}: ` : ''}${shown[0].name}`, ...shown.map((p) => `${p.seriesName}  ${say(p.value)}`),
      ].join('\n'),
    },
    series: data.series.map((one, at) => ({
      type: 'bar', name: one.name, color: paints[at], barMaxWidth: 26, barGap: '8%', data: one.values,
    })),
  };
}
