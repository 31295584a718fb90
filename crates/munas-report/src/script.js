// Pointing at a model in one plot marks it in the others; following a link to a model opens its details.
// The page is complete without this.
const links = document.querySelectorAll('svg .front a');
function mark(href, on) {
  for (const link of links) {
    if (link.getAttribute('href') === href) link.firstElementChild.classList.toggle('same', on);
  }
}
for (const link of links) {
  link.addEventListener('mouseenter', () => mark(link.getAttribute('href'), true));
  link.addEventListener('mouseleave', () => mark(link.getAttribute('href'), false));
}
function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) { target.open = true; target.scrollIntoView(); }
}
window.addEventListener('hashchange', openTarget);
openTarget();
