// A life: time to the right, one row a model, orders as ticks above; today is a line, the next change a hollow mark.
// {"from": "2025-01-01", "to": "2026-12-31", "today": "2026-11-22", "todayName": "今天", "ordersName": "订单",
//  "rows": [{"name": "零售活跃度", "spans": [{"stage": "活跃", "family": "F6", "from": "…", "to": "…"|null,
//            "because": "…", "url": "…"}], "next": {"on": "…", "stage": "沉默", "family": "F8"}|null}],
//  "orders": [{"on": "2026-01-05", "text": "¥120", "url": "…"}]}
import { colourOf, echarts, instant, sayDay } from './base.js';

const HEIGHT = 36;

const box = (names) => (params, api) => {
  const [row, from, to] = [api.value(0), api.value(1), api.value(2)];
  const [left, middle] = api.coord([from, row]);
  const right = api.coord([to, row])[0];
  const tall = Math.min(22, api.size([0, 1])[1] * 0.6);
  const whole = { x: left, y: middle - tall / 2, width: Math.max(right - left - 1, 2), height: tall };
  const area = params.coordSys;
  const shape = echarts.graphic.clipRectByRect(whole, { x: area.x, y: area.y, width: area.width, height: area.height });
  if (!shape) return null;
  const colour = api.visual('color');
  const bar = { type: 'rect', shape: { ...shape, r: 2 }, style: { fill: colour } };
  // The name stands in its stay where there is room for it, so that nobody has to search a legend.
  const name = names[params.dataIndex] ?? '';
  const room = shape.width - 8;
  if (room < widthOf(name)) return bar;
  const label = {
    type: 'text', silent: true,
    style: { text: name, x: shape.x + 5, y: middle, fill: isDark(colour) ? '#fff' : '#1f2933', fontSize: 11, verticalAlign: 'middle' },
  };
  return { type: 'group', children: [bar, label] };
};

const widthOf = (text) => [...text].reduce((sum, sign) => sum + (sign.charCodeAt(0) > 0x2e7f ? 11.5 : 6.5), 0);

function isDark(colour) {
  const part = (at) => parseInt(colour.slice(at, at + 2), 16) / 255;
  return 0.2126 * part(1) ** 2.2 + 0.7152 * part(3) ** 2.2 + 0.0722 * part(5) ** 2.2 < 0.3;
}

function tick(params, api) {
  const [x] = api.coord([api.value(1), 0]);
  const y = params.coordSys.y;
  return {
    type: 'rect', shape: { x: x - 2, y: y - 14, width: 4, height: 12 }, style: { fill: api.visual('color') },
  };
}

const spansOf = (data) => data.rows.flatMap((row, at) => row.spans.map((span) => ({
  value: [at, instant(span.from), span.to ? instant(span.to) : instant(data.today)],
  url: span.url, said: span, itemStyle: { color: colourOf(span.family) },
})));

const nextOf = (data) => data.rows.flatMap((row, at) => (row.next ? [{
  value: [instant(row.next.on), at], said: row.next,
  itemStyle: { color: '#fff', borderColor: colourOf(row.next.family), borderWidth: 2 },
}] : []));

function text(p) {
  const { said } = p.data;
  if (said.stage && said.on) return `${sayDay(instant(said.on))}  → ${said.stage}`;
  if (said.stage) return [`${said.stage}`, `${sayDay(instant(said.from))} – ${said.to ? sayDay(instant(said.to)) : ''}`, said.because]
    .filter(Boolean).join('\n');
  return `${sayDay(instant(said.on))}  ${said.text ?? ''}`;
}

export function ribbon(data, place) {
  if (place) place.style.height = `${72 + HEIGHT * data.rows.length}px`;
  return {
    grid: { left: 8, right: 16, top: 26, bottom: 8, containLabel: true },
    xAxis: { type: 'time', min: instant(data.from), max: instant(data.to), axisLabel: { hideOverlap: true } },
    yAxis: { type: 'category', inverse: true, data: data.rows.map((row) => row.name), axisTick: { show: false }, axisLine: { show: false } },
    tooltip: { trigger: 'item', formatter: text },
    series: [
      { type: 'custom', renderItem: box(spansOf(data).map((one) => one.said.stage)), encode: { x: [1, 2], y: 0 }, data: spansOf(data),
        markLine: { silent: true, symbol: 'none', label: { formatter: data.todayName ?? '', position: 'start', distance: 14, fontSize: 11 },
          lineStyle: { color: '#3e4c59', type: 'solid' }, data: [{ xAxis: instant(data.today) }] } },
      { type: 'custom', renderItem: tick, clip: false, encode: { x: 1 }, name: data.ordersName,
        data: (data.orders ?? []).map((order) => ({ value: [0, instant(order.on)], said: order, url: order.url, itemStyle: { color: '#3e4c59' } })) },
      { type: 'custom', renderItem: hollow, encode: { x: 0, y: 1 }, data: nextOf(data) },
    ],
  };
}

function hollow(params, api) {
  const [cx, cy] = api.coord([api.value(0), api.value(1)]);
  return { type: 'circle', shape: { cx, cy, r: 6 }, style: { fill: '#fff', stroke: api.style().stroke ?? '#616e7c', lineWidth: 2 } };
}
