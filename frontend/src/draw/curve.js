// A curve over numbers or days, with intervals and lines to compare with.
// {"x": [0, 0.1, …] or "days": ["2026-01-01", …], "series": [{"name": "", "family": "F6", "values": […], "low": […],
//  "high": […], "dashed": false}], "percent": true, "x_percent": true, "x_name": "", "unit": "",
//  "marks": [{"y": 0.6, "name": "60%"}, {"x": 0.2, "name": "20%"}], "points": [{"x": 0.2, "y": 0.54, "name": "54%"}]}
import { colours, dayLabels, full, instant, sayDay, short } from './base.js';

const share = (value) => `${+(value * 100).toFixed(1)}%`;

export function curve(data) {
  const paints = colours(data.series);
  const at = data.days ? data.days.map(instant) : data.x;
  const sayX = (value) => (data.days ? sayDay(value) : data.x_percent ? share(value) : full(value));
  const sayY = (value) => (data.percent ? share(value) : `${full(value)}${data.unit ?? ''}`);
  const points = (values) => at.map((x, i) => [x, values[i]]);
  const interval = (one, i) => ['low', 'high'].map((end) => ({
    id: `interval-${end}-${i}`, type: 'line', stack: `interval-${i}`, symbol: 'none', silent: true, lineStyle: { opacity: 0 },
    areaStyle: { color: paints[i], opacity: end === 'low' ? 0 : 0.18 },
    data: points(end === 'low' ? one.low : one.high.map((high, k) => (high === null ? null : high - one.low[k]))),
  }));
  const series = data.series.flatMap((one, i) => [
    {
      type: 'line', name: one.name, symbol: one.symbol ?? 'none', color: paints[i],
      lineStyle: { width: 2, type: one.dashed ? 'dashed' : 'solid' },
      endLabel: { show: true, formatter: one.name, color: '#3e4c59', distance: 6 }, labelLayout: { moveOverlap: 'shiftY' },
      data: points(one.values),
    },
    ...(one.low ? interval(one, i) : []),
  ]);
  if (data.marks) series[0].markLine = marks(data.marks);
  if (data.points) series.push(named(data.points));
  return {
    grid: { left: 8, right: 96, top: 24, bottom: data.x_name ? 28 : 8, containLabel: true },
    xAxis: {
      type: data.days ? 'time' : 'value', min: data.days ? undefined : at[0], max: data.days ? undefined : at[at.length - 1],
      name: data.x_name, nameLocation: 'middle', nameGap: 26, minInterval: data.x_percent ? 0 : 1,
      axisLabel: data.days ? dayLabels : { hideOverlap: true, ...(data.x_percent ? { formatter: share } : {}) }, splitLine: { show: false },
    },
    yAxis: { type: 'value', min: 0, max: data.percent ? 1 : undefined, axisLabel: { formatter: data.percent ? share : short } },
    tooltip: {
      trigger: 'axis',
      formatter: (shown) => [
        sayX(shown[0].value[0]),
        ...shown.filter((p) => p.seriesName && !p.seriesId?.startsWith('interval') && p.seriesType === 'line')
          .map((p) => `${p.seriesName}  ${sayY(p.value[1])}`),
      ].join('\n'),
    },
    series,
  };
}

const marks = (found) => ({
  silent: true, symbol: 'none', lineStyle: { color: '#7b8794', type: 'dotted', width: 1.5 },
  label: { position: 'insideStartTop', color: '#52606d', formatter: (p) => p.name },
  data: found.map((one) => ({ name: one.name,
    ...(one.x === undefined ? { yAxis: one.y } : { xAxis: one.x, label: { position: 'end' } }), // an upright line is named above
  })),
});

const named = (found) => ({
  type: 'line', silent: true, symbol: 'circle', symbolSize: 9, lineStyle: { opacity: 0 }, color: '#123d63',
  label: { show: true, position: 'right', distance: 8, color: '#1f2933', fontWeight: 600, formatter: (p) => p.data.name },
  data: found.map((one) => ({ value: [one.x, one.y], name: one.name })),
});
