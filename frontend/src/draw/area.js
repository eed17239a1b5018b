// Stages over time, stacked.
// {"days": ["2026-01-01", …], "series": [{"name": "活跃", "family": "F6", "values": [12, …], "url": "…"}], "unit": "人"}
// A line chart takes the same, and {"low": […], "high": […]} per series for an interval.
import { colours, dayLabels, full, instant, sayDay, shares, short } from './base.js';

const axes = (unit) => ({
  grid: { left: 8, right: 96, top: 16, bottom: 8, containLabel: true },
  xAxis: { type: 'time', axisLabel: dayLabels },
  yAxis: { type: 'value', min: 0, ...shares(unit), axisLabel: { formatter: (value) => `${short(value)}${unit === '%' ? '%' : ''}` } },
});

const tooltip = (unit) => ({
  trigger: 'axis',
  formatter: (points) => [
    sayDay(points[0].value[0]),
    ...points.filter((p) => !p.seriesId?.startsWith('interval')).reverse()
      .map((p) => `${p.seriesName}  ${full(p.value[1])}${unit ?? ''}`),
  ].join('\n'),
});

const points = (days, values) => days.map((day, at) => [instant(day), values[at]]);

// The name stands at the end of its line, so that nobody has to search a legend.
const direct = (name, colour) => ({ show: true, formatter: name, color: colour, distance: 6 });

export function area(data) {
  const paints = colours(data.series);
  return {
    ...axes(data.unit),
    tooltip: tooltip(data.unit),
    series: data.series.map((one, at) => ({
      type: 'line', name: one.name, stack: 'all', symbol: 'none', color: paints[at], lineStyle: { width: 1 },
      areaStyle: { opacity: 0.85 }, emphasis: { focus: 'series' }, endLabel: direct(one.name, '#3e4c59'),
      labelLayout: { moveOverlap: 'shiftY' }, data: points(data.days, one.values),
    })),
  };
}

function interval(one, days, paint, at) {
  const band = (id, values, opacity) => ({
    id: `interval-${id}-${at}`, type: 'line', stack: `interval-${at}`, symbol: 'none', silent: true,
    lineStyle: { opacity: 0 }, areaStyle: { color: paint, opacity }, data: points(days, values),
  });
  return [band('low', one.low, 0), band('high', one.high.map((high, i) => (high === null ? null : high - one.low[i])), 0.18)];
}

export function line(data) {
  const paints = colours(data.series);
  return {
    ...axes(data.unit),
    tooltip: tooltip(data.unit),
    series: data.series.flatMap((one, at) => [
      {
        type: 'line', name: one.name, color: paints[at], lineStyle: { width: 2 },
        // A value between two gaps has no line: its mark shows it.
        symbol: one.values.includes(null) ? 'circle' : 'none', symbolSize: 6, showSymbol: true,
        endLabel: direct(one.name, paints[at]), labelLayout: { moveOverlap: 'shiftY' },
        data: points(data.days, one.values),
      },
      ...(one.low ? interval(one, data.days, paints[at], at) : []),
    ]),
  };
}
