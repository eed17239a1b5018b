// The editor of a life-cycle model: suggestions at the caret of a rule, one click for a right name, and a question
// before unsaved work is left. The server knows the language; this file only asks it and moves a list about.

const form = () => document.getElementById('editor');
const list = () => document.getElementById('suggestions');

// Suggestions

let field = null; // the rule whose list is open
let found = null; // what the server answered: {start, end, suggestions}
let chosen = -1;
let asked = 0;
let waiting = 0;
let stale = false; // letters were typed since the list was made
let quiet = false; // a whole word was just taken: no list until something is typed

function close() {
  clearTimeout(waiting);
  asked += 1;
  const box = list();
  if (box) { box.hidden = true; box.replaceChildren(); }
  field?.setAttribute('aria-expanded', 'false');
  field?.removeAttribute('aria-activedescendant');
  field = null;
  found = null;
  chosen = -1;
}

async function ask(rule) {
  const turn = ++asked;
  const body = new FormData(form()); // the model: its parameters and stages are names that the rule may use
  body.set('rule', rule.value);
  body.set('caret', rule.selectionStart);
  const answer = await fetch(form().dataset.completion, { method: 'POST', body, headers: { Accept: 'application/json' } });
  if (!answer.ok || turn !== asked || document.activeElement !== rule) return;
  const got = await answer.json();
  if (turn !== asked) return;
  const written = rule.value.slice(got.start, rule.selectionStart);
  const only = got.suggestions.length === 1 && got.suggestions[0].text.trim() === written;
  if (!got.suggestions.length || only) { close(); return; }
  show(rule, got);
}

function show(rule, got) {
  field = rule;
  found = got;
  stale = false;
  const box = list();
  box.replaceChildren(...got.suggestions.map((one, number) => {
    const line = document.createElement('li');
    line.id = `suggestion-${number}`;
    line.setAttribute('role', 'option');
    line.className = 'suggestion';
    const word = document.createElement('code');
    word.textContent = one.text.trim();
    const meaning = document.createElement('span');
    meaning.textContent = one.meaning;
    line.append(word, meaning);
    return line;
  }));
  box.hidden = false;
  rule.setAttribute('aria-expanded', 'true');
  choose(0);
  place(box, rule);
}

function choose(number) {
  const lines = [...list().children];
  chosen = (number + lines.length) % lines.length;
  lines.forEach((line, n) => line.setAttribute('aria-selected', String(n === chosen)));
  lines[chosen].scrollIntoView({ block: 'nearest' });
  field.setAttribute('aria-activedescendant', lines[chosen].id);
}

// Where the caret stands, by laying the same text out in a hidden copy.
function caretOf(rule) {
  const copy = document.createElement('div');
  const style = getComputedStyle(rule);
  for (const name of ['font', 'lineHeight', 'letterSpacing', 'padding', 'border', 'boxSizing', 'tabSize']) copy.style[name] = style[name];
  Object.assign(copy.style, { position: 'absolute', visibility: 'hidden', whiteSpace: 'pre-wrap', overflowWrap: 'break-word', width: `${rule.offsetWidth}px`, top: '0', left: '0' });
  const mark = document.createElement('span');
  mark.textContent = '​';
  copy.append(rule.value.slice(0, found.start), mark);
  document.body.append(copy);
  const at = { left: mark.offsetLeft, top: mark.offsetTop + mark.offsetHeight - rule.scrollTop };
  copy.remove();
  return at;
}

function place(box, rule) {
  const frame = rule.getBoundingClientRect();
  const around = box.offsetParent.getBoundingClientRect();
  const at = caretOf(rule);
  const left = Math.min(frame.left - around.left + at.left, around.width - box.offsetWidth);
  box.style.left = `${Math.max(0, left)}px`;
  box.style.top = `${frame.top - around.top + Math.min(at.top, rule.offsetHeight) + 2}px`;
}

// Takes a suggestion; when letters were typed since, the best one for them.
function take() {
  if (!stale) { accept(chosen); return; }
  const rule = field;
  clearTimeout(waiting);
  ask(rule).then(() => { if (field === rule && !stale) accept(chosen); });
}

function accept(number) {
  const one = found.suggestions[number];
  const rule = field;
  const { start, end } = found;
  close();
  rule.focus();
  rule.setRangeText(one.text, start, end, 'end');
  const caret = start + one.text.length + one.caret;
  rule.setSelectionRange(caret, caret);
  quiet = one.caret === 0 && !one.text.endsWith(' ');
  rule.dispatchEvent(new Event('input', { bubbles: true }));
}

document.addEventListener('keydown', (event) => {
  const rule = event.target;
  if (!rule.matches?.('[data-rule]') || event.isComposing) return;
  if (event.key === ' ' && event.ctrlKey) { event.preventDefault(); ask(rule); return; }
  if (!field) return;
  const act = {
    ArrowDown: () => choose(chosen + 1),
    ArrowUp: () => choose(chosen - 1),
    Enter: take,
    Tab: take,
    Escape: close,
  }[event.key];
  if (!act || event.shiftKey) return;
  event.preventDefault();
  event.stopPropagation(); // Escape closes the list and leaves the caret where it is
  act();
}, true);

document.addEventListener('input', (event) => {
  const rule = event.target;
  if (form()?.contains(rule)) changed = true;
  if (!rule.matches?.('[data-rule]')) return;
  grow(rule);
  stale = true;
  clearTimeout(waiting);
  if (!event.isComposing && !quiet) waiting = setTimeout(() => ask(rule), 90);
  quiet = false;
});
document.addEventListener('compositionend', (event) => { if (event.target.matches?.('[data-rule]')) ask(event.target); });
document.addEventListener('focusout', (event) => { if (event.target === field) setTimeout(() => { if (document.activeElement !== field) close(); }, 150); });
document.addEventListener('pointerdown', (event) => {
  const line = event.target instanceof Element ? event.target.closest('.suggestion') : null;
  if (!line) return;
  event.preventDefault(); // keeps the caret in the rule
  accept([...list().children].indexOf(line));
});

// A rule is as high as its text.
function grow(rule) {
  rule.style.height = 'auto';
  rule.style.height = `${rule.scrollHeight + 2}px`;
}

function begin() {
  document.querySelectorAll('[data-rule]').forEach(grow);
  // The answer to a check of a form that is gone has nowhere to go.
  const checker = document.getElementById('checker');
  checker?.addEventListener('htmx:beforeOnLoad', (event) => { if (!checker.isConnected) event.preventDefault(); });
}
if (document.readyState === 'loading') addEventListener('DOMContentLoaded', begin);
else begin();
document.addEventListener('htmx:afterSettle', (event) => { if (event.target.id === 'editor') begin(); });
document.addEventListener('htmx:beforeSwap', (event) => { if (event.target.id === 'editor') close(); });

// One click puts the right name where the wrong one stands.
document.addEventListener('click', (event) => {
  const button = event.target instanceof Element ? event.target.closest('[data-near]') : null;
  const said = button?.closest('.editor-check');
  const rule = said && document.querySelector(`[aria-describedby="${said.id}"]`);
  if (!rule) return;
  rule.focus();
  rule.setRangeText(button.dataset.near, Number(said.dataset.wrongStart), Number(said.dataset.wrongEnd), 'end');
  rule.dispatchEvent(new Event('input', { bubbles: true }));
  close();
});

// Unsaved work

let changed = false;
document.addEventListener('htmx:beforeRequest', (event) => {
  if (event.detail.elt.id === 'save-button') changed = false;
  else if (event.detail.elt.name === 'do' && !event.detail.elt.value.startsWith('mode:')) changed = true;
});
document.addEventListener('htmx:afterSwap', (event) => { if (event.detail.elt?.id === 'save-button') changed = true; });
document.addEventListener('click', (event) => {
  if (!(event.target instanceof Element) || !event.target.closest('[data-discard]') || !changed) return;
  if (window.confirm(form().dataset.leave)) changed = false;
  else event.preventDefault();
});
addEventListener('beforeunload', (event) => { if (changed && form()) event.preventDefault(); });
