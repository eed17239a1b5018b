// A table in colour, such as cohorts.
// {"x": ["第 1 月", …], "y": ["2026-01", …], "cells": [[x, y, value, url?], …], "percent": true, "unit": ""}
import { full, paint } from './base.js';

export function heatmap(data, place) {
  // A figure that does not fit into its cell stays in the tooltip and in the table.
  const fits = data.cells.length <= 400 && (place?.clientWidth ?? 900) / Math.max(data.x.length + 1, 1) >= 36;
  const say = (value) => (data.percent ? `${(value * 100).toFixed(0)}%` : full(value));
  const values = data.cells.map((cell) => cell[2]).filter((value) => value !== null);
  return {
    grid: { left: 8, right: 8, top: 8, bottom: 48, containLabel: true },
    xAxis: { type: 'category', data: data.x, position: 'top', axisLine: { show: false }, axisTick: { show: false } },
    yAxis: { type: 'category', data: data.y, inverse: true, axisLine: { show: false }, axisTick: { show: false } },
    tooltip: { formatter: (p) => `${data.y[p.value[1]]}  ${data.x[p.value[0]]}  ${say(p.value[2])}${data.unit ?? ''}` },
    visualMap: {
      min: Math.min(0, ...values), max: data.percent ? 1 : Math.max(1, ...values), orient: 'horizontal', left: 'center',
      bottom: 0, itemHeight: 120, inRange: { color: ['#f5f7fa', paint('--stage-f4-soft'), paint('--stage-f4'), '#123d63'] },
      formatter: say,
    },
    series: [{
      type: 'heatmap',
      label: { show: fits, formatter: (p) => say(p.value[2]) },
      data: data.cells.map(([x, y, value, url]) => ({ value: [x, y, value], url })),
    }],
  };
}
