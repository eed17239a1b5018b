// What every page needs, without a framework and without inline code (the pages' policy forbids it).
// Attributes in the templates say what to do:
//   data-toggle="#id"        shows or hides an element; aria-expanded and aria-controls are kept for screen readers
//   data-submit              a select or checkbox that sends its form when changed
//   data-confirm="…"         asks before a form is sent
//   data-copy="#id"          copies an element's text
//   data-print               prints the page
//   data-href="…"            a table row that opens a page (its real link stays inside for the keyboard)
//   data-key="g c"           a link or button that these keys press

const closest = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);

function toggle(button) {
  const target = document.querySelector(button.dataset.toggle);
  if (!target) return;
  target.hidden = !target.hidden;
  button.setAttribute('aria-expanded', String(!target.hidden));
  if (!target.hidden) target.querySelector('[autofocus], input, select, textarea')?.focus();
}

document.addEventListener('click', (event) => {
  const toggler = closest(event, '[data-toggle]');
  if (toggler) { event.preventDefault(); toggle(toggler); return; }
  if (closest(event, '[data-print]')) { window.print(); return; }
  const copier = closest(event, '[data-copy]');
  if (copier) {
    const text = document.querySelector(copier.dataset.copy)?.textContent ?? '';
    navigator.clipboard?.writeText(text.trim()).then(() => copier.classList.add('copied'));
    return;
  }
  const row = closest(event, '[data-href]');
  if (row && !closest(event, 'a, button, input, label, select') && !String(getSelection())) location.assign(row.dataset.href);
});

document.addEventListener('change', (event) => {
  const field = closest(event, '[data-submit]');
  if (field) field.form?.requestSubmit();
});

document.addEventListener('submit', (event) => {
  const question = event.target.dataset?.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
}, true);

// A definition that would leave its table or the window on the right opens to the left.
document.addEventListener('toggle', (event) => {
  const text = event.target.matches?.('.info[open]') ? event.target.querySelector('.info-text') : null;
  if (!text) return;
  text.classList.remove('to-left');
  const table = event.target.closest('.table-responsive')?.getBoundingClientRect().right ?? Infinity;
  const end = Math.min(table, document.documentElement.clientWidth);
  text.classList.toggle('to-left', text.getBoundingClientRect().right > end);
}, true);

// Keyboard: "/" goes to the search, Escape leaves a field, other keys press what names them in data-key.
let waiting = '';
let forget = 0;

function press(keys) {
  const target = document.querySelector(`[data-key="${CSS.escape(keys)}"]`);
  if (target) target.click();
  return Boolean(target);
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const typing = closest(event, 'input, textarea, select, [contenteditable="true"]');
  if (event.key === 'Escape' && typing) { typing.blur(); return; }
  if (typing || event.key.length !== 1) return;
  if (event.key === '/') {
    const search = document.querySelector('[data-search]');
    if (search) { event.preventDefault(); search.focus(); search.select?.(); }
    return;
  }
  const keys = waiting ? `${waiting} ${event.key}` : event.key;
  clearTimeout(forget);
  waiting = '';
  if (press(keys)) { event.preventDefault(); return; }
  waiting = event.key;
  forget = setTimeout(() => { waiting = ''; }, 1000);
});

// The token that Django wants with every change; htmx asks here for its headers.
document.addEventListener('htmx:configRequest', (event) => {
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  if (token && event.detail.verb !== 'get') event.detail.headers['X-CSRFToken'] = token;
});
