// The sliders of a model's parameters: each moves its number field, and a button brings the default back. The numbers are
// what the form sends, so that it works without this file, too.

function show(root) {
  root.querySelectorAll?.('[data-slides], [data-default]').forEach((part) => { part.hidden = false; });
}

document.addEventListener('input', (event) => {
  const { id, value, dataset } = event.target;
  const field = dataset.slides && document.getElementById(dataset.slides);
  if (field) field.value = value;
  const slider = id && document.querySelector(`[data-slides="${CSS.escape(id)}"]`);
  if (slider) slider.value = value;
});

document.addEventListener('click', (event) => {
  const button = event.target instanceof Element ? event.target.closest('[data-default]') : null;
  if (!button) return;
  const field = document.getElementById(button.dataset.for);
  field.value = button.dataset.default;
  field.dispatchEvent(new Event('input', { bubbles: true }));
});

show(document);
document.addEventListener('htmx:load', (event) => show(event.detail.elt));
