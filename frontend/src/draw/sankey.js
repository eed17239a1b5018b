// Flow between stages. A stage may be both source and target, so each side has its own node.
// {"nodes": [{"id": "from-active", "name": "活跃", "family": "F6", "depth": 0, "url": "…"}],
//  "links": [{"source": "from-active", "target": "to-silent", "value": 312, "url": "…"}], "unit": "人"}
import { colours, full } from './base.js';

// Both sides of one stage must look alike, so steps of a colour are counted by stage name, not by node.
function paintsByName(nodes) {
  const names = [...new Map(nodes.map((node) => [`${node.family}|${node.name}`, node])).values()];
  const paints = colours(names);
  return Object.fromEntries(names.map((node, at) => [`${node.family}|${node.name}`, paints[at]]));
}

export function sankey(data) {
  const paints = paintsByName(data.nodes);
  const said = Object.fromEntries(data.nodes.map((node) => [node.id, node.name]));
  const text = (p) => (p.dataType === 'edge'
    ? `${said[p.data.source]} → ${said[p.data.target]}  ${full(p.data.value)}${data.unit ?? ''}`
    : `${said[p.name]}  ${full(p.value)}${data.unit ?? ''}`);
  return {
    tooltip: { trigger: 'item', formatter: text },
    series: [{
      type: 'sankey', left: 8, right: 120, top: 8, bottom: 8, nodeGap: 14, draggable: false, layoutIterations: 0,
      emphasis: { focus: 'adjacency' },
      lineStyle: { color: 'source', opacity: 0.35 },
      // Two sides that differ by a few customers must not look alike.
      label: { formatter: (p) => `${said[p.name]}  ${full(p.value)}` },
      data: data.nodes.map((node) => ({
        name: node.id, depth: node.depth, url: node.url, itemStyle: { color: paints[`${node.family}|${node.name}`] },
      })),
      links: data.links,
    }],
  };
}
