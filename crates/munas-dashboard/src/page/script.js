// The page: what the server tells of runs, filtered, drawn and listed. Nothing is asked of any other server.
import { Scale, Scatter, drawCurve, drawParallel } from './charts.js';

// The token is in a cookie by now, and need not stand in the address.
history.replaceState(null, '', '/');

const $ = (id) => document.getElementById(id);
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

const number = (value, digits) => Number(value.toPrecision(digits)).toLocaleString('en', { maximumSignificantDigits: digits });
const scaled = (value, units) => {
  const [factor, unit] = units.find(([least]) => value >= least) ?? [1, units[units.length - 1][1]];
  return `${number(value / factor, 3)} ${unit}`.trim();
};
const FORMATS = {
  share: (value) => `${number(100 * value, 3)} %`,
  bytes: (value) => scaled(value, [[1e6, 'MB'], [1e3, 'KB'], [1, 'B']]),
  operations: (value) => scaled(value, [[1e9, 'G'], [1e6, 'M'], [1e3, 'K'], [1, '']]),
  milliseconds: (value) => `${number(value, 3)} ms`,
  millijoules: (value) => `${number(value, 3)} mJ`,
  seconds: (value) => (value >= 3600 ? `${number(value / 3600, 3)} h` : value >= 60 ? `${number(value / 60, 3)} min` : `${number(value, 3)} s`),
};
/** Rows of the table that are there at first, and that each "more" adds. */
const ROWS = 100;

/** One of the runs that are shown: what is known of it, kept up to date. */
class Run {
  constructor(id, asked, changed) {
    Object.assign(this, { id, asked, changed, trials: new Map(), curves: [], finalists: [], session: null, version: 0 });
    this.listen();
  }

  listen() {
    this.events = new EventSource(`/api/runs/${this.id}/events?since=${this.version}`);
    this.events.onmessage = (event) => {
      trouble('');
      this.learn(JSON.parse(event.data));
    };
    this.events.addEventListener('trouble', (event) => trouble(event.data));
    this.events.onerror = () => {
      trouble('the server of this page does not answer');
      this.events.close();
      this.again = setTimeout(() => this.listen(), 3000);
    };
  }

  learn(news) {
    this.version = news.version;
    for (const trial of news.trials) this.trials.set(trial.t, trial);
    Object.assign(this, { curves: news.curves, session: news.session, finalists: news.finalists });
    this.front = front([...this.trials.values()].filter((trial) => trial.e !== null && this.isWhole(trial)), this.asked);
    this.changed(this);
  }

  isWhole(trial) {
    return trial.s === 'done';
  }

  close() {
    this.events.close();
    clearTimeout(this.again);
  }
}

/** Numbers of the trials that no other one is at most as large as in error and every resource. */
function front(trials, asked) {
  const counts = ({ field, bound }) => ['e', 'm', 'z', 'c'].includes(field) || bound !== null;
  const fields = asked.objectives.filter(counts).map(({ field }) => field);
  const points = trials.map((trial) => ({ t: trial.t, values: fields.map((field) => trial[field] ?? Infinity) }));
  points.sort((one, other) => one.values.reduce((order, value, at) => order || value - other.values[at], 0) || one.t - other.t);
  const kept = [];
  for (const point of points) {
    const isWorse = kept.some((other) => other.values.every((value, at) => value <= point.values[at]) && other.values.some((value, at) => value < point.values[at]));
    if (!isWorse) kept.push(point);
  }
  return new Set(kept.map((point) => point.t));
}

const shown = { main: null, other: null };
const limits = new Map();
/** The networks whose details are open: {run, trial}, two at most. */
let chosen = [];
let order = { field: 'e', down: false };
let rows = ROWS;

function trouble(text) {
  $('trouble').textContent = text;
  $('trouble').hidden = !text;
}

async function json(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

/** The list of runs, which may grow. */
async function listRuns() {
  const { runs, unreadable } = await json('/api/runs');
  $('unreadable').textContent = unreadable.join('\n');
  $('unreadable').hidden = !unreadable.length;
  for (const [select, first] of [[$('run'), null], [$('other'), 'no other']]) {
    const value = select.value;
    select.replaceChildren(...(first ? [make('option', { value: '', textContent: first })] : []),
      ...runs.map((run) => make('option', { value: String(run.run), textContent: `${run.name}${run.active ? ' (searching)' : ''}`, title: run.dir })));
    select.value = value;
  }
  if (!shown.main && runs.length) {
    const latest = runs.find((run) => run.active) ?? runs[runs.length - 1];
    $('run').value = String(latest.run);
    await show('main', latest.run);
  }
  if (!runs.length) $('state').textContent = 'there is no run here yet: munas search makes one';
}

async function show(place, id) {
  shown[place]?.close();
  shown[place] = null;
  if (id !== '') {
    const asked = await json(`/api/runs/${id}`);
    shown[place] = new Run(Number(id), asked, changed);
  }
  if (place === 'main') {
    limits.clear();
    rows = ROWS;
    makeFilters();
    makePlots();
    $('progress').replaceChildren();
    lastProgress = 0;
  }
  $('other-key').hidden = !shown.other;
  chosen = chosen.filter(({ run }) => run === shown.main || run === shown.other);
  drawDetails();
  draw();
}

let waiting = null;
let lastProgress = 0;
/** Draws what a run has told, at most a few times a second. */
function changed(run) {
  if (run === shown.main && Date.now() - lastProgress > 15_000 && run.trials.size > 1) {
    lastProgress = Date.now();
    fetch(`/api/runs/${run.id}/progress`).then((answer) => (answer.ok ? answer.text() : '')).then((text) => {
      if (run === shown.main) $('progress').innerHTML = text;
    });
  }
  waiting ??= setTimeout(() => {
    waiting = null;
    draw();
  }, 150);
}

/** What can be filtered and drawn: objectives of the main run. */
const objectives = () => shown.main?.asked.objectives ?? [];
const passes = (trial, run) => trial.e !== null && (!$('whole').checked || run.isWhole(trial)) && (!$('inside').checked || trial.b)
  && [...limits].every(([field, limit]) => trial[field] === null || trial[field] <= limit);

/** Trials of the runs that pass the filters: {trial, run, second, kind, marked}. */
function visible() {
  const all = [];
  for (const [place, run] of Object.entries(shown)) {
    if (!run?.front) continue;
    for (const trial of run.trials.values()) {
      if (!passes(trial, run)) continue;
      const kind = run.front.has(trial.t) ? 'front' : run.isWhole(trial) && trial.b ? 'inside' : 'outside';
      const marked = chosen.some((other) => other.run === run && other.trial === trial.t);
      all.push({ trial, run, second: place === 'other', kind, marked });
    }
  }
  return all;
}

function makeFilters() {
  $('filters').replaceChildren(...objectives().map((objective) => {
    const output = make('output', { textContent: 'any' });
    const slider = make('input', { type: 'range', min: 0, max: 1000, value: 1000 });
    slider.dataset.field = objective.field;
    slider.setAttribute('aria-label', `largest ${objective.title}`);
    slider.addEventListener('input', () => {
      const values = [...shown.main.trials.values()].map((trial) => trial[objective.field]).filter((value) => value !== null);
      const limit = new Scale(values).value(slider.value / 1000);
      if (slider.value === '1000') limits.delete(objective.field);
      else limits.set(objective.field, limit);
      output.textContent = slider.value === '1000' ? 'any' : `≤ ${FORMATS[objective.unit](limit)}`;
      slider.setAttribute('aria-valuetext', output.textContent);
      draw();
    });
    const bound = objective.bound === null ? '' : ` (bound ${objective.bound_text})`;
    return make('label', {}, `${objective.title}${bound}`, slider, output);
  }));
}

let plots = [];
/** Error over each of the resources; with fewer than four, also one resource over another. */
function makePlots() {
  const [error, ...resources] = objectives();
  if (!error) return;
  const pairs = resources.slice(0, 4).map((resource) => [resource, error]);
  if (pairs.length < 4) pairs.push([resources[1], resources[0]]);
  plots = pairs.map(([x, y]) => {
    const canvas = make('canvas');
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', `${y.title} over ${x.title}; the table below has the same networks`);
    const plot = new Scatter(canvas, { chosen: ({ of }) => choose(of.run, of.trial.t), pointed: (point, event) => tip(point?.of, event) });
    return { x, y, plot, figure: make('figure', { className: 'card' }, make('h3', { textContent: `${y.title} over ${x.title}` }), canvas) };
  });
  $('plots').replaceChildren(...plots.map((plot) => plot.figure));
}

const tipElement = make('div', { className: 'tip', hidden: true });
document.body.append(tipElement);
function tip(of, event) {
  tipElement.hidden = !of;
  if (!of) return;
  const figures = objectives().filter(({ field }) => of.trial[field] !== null).map(({ field, title, unit }) => `${title} ${FORMATS[unit](of.trial[field])}`);
  tipElement.textContent = `trial ${of.trial.t}: ${figures.join(', ')}`;
  const left = Math.min(event.clientX + 14, window.innerWidth - tipElement.offsetWidth - 8);
  Object.assign(tipElement.style, { left: `${Math.max(8, left)}px`, top: `${event.clientY + 14}px` });
}

function draw() {
  const run = shown.main;
  if (!run?.front) return;
  const all = visible();
  for (const { x, y, plot } of plots) {
    const points = all.filter(({ trial }) => trial[x.field] !== null && trial[y.field] !== null).map((of) => ({ ...of, of, x: of.trial[x.field], y: of.trial[y.field] }));
    const axis = (objective, values) => ({ scale: new Scale(values), format: FORMATS[objective.unit], title: objective.title });
    plot.draw({
      points,
      x: axis(x, points.map((point) => point.x)),
      y: axis(y, points.map((point) => point.y)),
      bound: x.bound,
    });
  }
  const others = all.filter(({ kind }) => kind === 'front').length;
  $('shown').textContent = `${all.length} networks, ${others} of them on the front`;
  drawTiles(run);
  drawCurves(run);
  drawTime(run);
  const columns = objectives().map(({ field, title, unit }) => ({ field, title, format: FORMATS[unit] }));
  const members = all.filter(({ kind, trial }) => kind === 'front' && columns.every(({ field }) => trial[field] !== null));
  drawParallel($('parallel'), columns, members.map(({ trial, second, marked }) => ({ values: columns.map(({ field }) => trial[field]), second, marked })));
  drawTable(all);
}

function drawTiles(run) {
  const trials = [...run.trials.values()];
  const count = (state) => trials.filter((trial) => trial.s === state).length;
  const whole = trials.filter((trial) => run.isWhole(trial));
  const inside = whole.filter((trial) => trial.b);
  const best = (inside.length ? inside : whole).reduce((least, trial) => (!least || trial.e < least.e ? trial : least), null);
  const { session } = run;
  const minutes = session ? Math.max(1 / 60, (Date.now() - session.started_ms) / 60_000) : 0;
  const tiles = [
    ['trials', String(trials.length), `${whole.length} trained in full, ${count('paused')} rest${count('failed') ? `, ${count('failed')} failed` : ''}`],
    ['within all bounds', whole.length ? `${Math.round((100 * inside.length) / whole.length)} %` : '–', `${inside.length} of ${whole.length}`],
    [run.asked.error_title, best ? FORMATS.share(best.e) : '–', best ? `trial ${best.t}${best.se === null ? '' : `, ± ${FORMATS.share(best.se)}`}` : 'no network yet'],
    ['front', String(run.front.size), 'networks'],
  ];
  const refined = run.finalists.filter((finalist) => finalist.objective_error);
  if (refined.length) {
    const { trial, objective_error: error, seeds } = refined[0];
    tiles.push(['best finalist', FORMATS.share(error.mean), `trial ${trial}, mean of ${seeds}${error.deviation === null ? '' : `, ± ${FORMATS.share(error.deviation)}`}`]);
  }
  if (session?.active) {
    tiles.push(['pace', `${number(trials.filter((trial) => trial.a !== null).length / minutes, 3)} / min`, session.seconds_left === null ? `${session.workers} side by side` : `${FORMATS.seconds(session.seconds_left)} left`]);
  }
  $('tiles').replaceChildren(...tiles.map(([name, value, note]) => make('div', { className: 'card tile' },
    make('div', { className: 'name', textContent: name }), make('div', { className: 'value', textContent: value }), make('div', { className: 'note', textContent: note }))));
  const state = session?.active ? 'searching' : session?.end_reason ? `ended: ${session.end_reason}` : session ? 'not running' : 'not begun';
  const [height, width, channels] = run.asked.input;
  const text = `${run.asked.run}: ${state} · ${run.asked.data} · ${run.asked.algorithm} in ${run.asked.space} · ${height}×${width}×${channels}, ${run.asked.classes} classes${run.asked.board ? ` · ${run.asked.board}` : ''}`;
  if ($('state').textContent !== text) $('state').textContent = text;
}

function drawCurves(run) {
  $('now').hidden = !run.curves.length || !run.session?.active;
  const cards = $('curves');
  while (cards.children.length > run.curves.length) cards.lastChild.remove();
  while (cards.children.length < run.curves.length) cards.append(make('figure', { className: 'card' }, make('h3'), make('canvas')));
  run.curves.forEach((curve, index) => {
    const [title, canvas] = cards.children[index].children;
    const last = curve.e.length ? `, error ${FORMATS.share(curve.e[curve.e.length - 1])}` : '';
    title.textContent = `trial ${curve.t}: epoch ${curve.e.length} of ${curve.ep}${last}`;
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', title.textContent);
    const rungs = curve.ep === run.asked.epochs ? run.asked.rungs : [curve.ep];
    drawCurve(canvas, curve.e, rungs, FORMATS.share);
  });
}

/** Seconds of training by how far trials came, and of finalists. */
function drawTime(run) {
  const spent = new Map();
  for (const trial of run.trials.values()) {
    if (trial.d === null) continue;
    const name = run.isWhole(trial) ? `trained in full (${trial.ep} epochs)` : `rest after ${trial.tr} of ${trial.ep} epochs`;
    spent.set(name, (spent.get(name) ?? 0) + trial.d);
  }
  const anew = run.finalists.flatMap((finalist) => finalist.trainings).reduce((sum, training) => sum + (training.train_seconds ?? 0), 0);
  if (anew) spent.set('finalists, trained anew', anew);
  const most = Math.max(1e-9, ...spent.values());
  const total = [...spent.values()].reduce((sum, seconds) => sum + seconds, 0);
  const bars = [...spent].sort(([, one], [, other]) => other - one).flatMap(([name, seconds]) => {
    const bar = make('i');
    bar.style.width = `${(100 * seconds) / most}%`;
    return [make('span', { textContent: name }), bar, make('span', { textContent: `${FORMATS.seconds(seconds)}, ${Math.round((100 * seconds) / total)} %` })];
  });
  $('time').replaceChildren(bars.length ? make('div', { className: 'bars' }, ...bars) : 'nothing is trained yet');
}

const EXTRA = [{ field: 'te', title: 'test error', unit: 'share' }, { field: 'i', title: 'int8 error', unit: 'share' }, { field: 'v', title: 'float error', unit: 'share' }];
function drawTable(all) {
  const columns = [...objectives(), ...EXTRA];
  const titles = [{ field: 't', title: 'trial' }, ...columns, { field: 'tr', title: 'epochs' }, { field: 's', title: 'state' }];
  const head = $('table').tHead;
  if (head.dataset.of !== String(shown.main.id)) {
    head.dataset.of = String(shown.main.id);
    head.replaceChildren(make('tr', {}, ...titles.map(({ field, title }) => {
      const button = make('button', { type: 'button', textContent: title });
      button.addEventListener('click', () => {
        order = { field, down: order.field === field && !order.down };
        draw();
      });
      const cell = make('th', { scope: 'col' }, button);
      cell.dataset.field = field;
      return cell;
    })));
  }
  for (const cell of head.querySelectorAll('th')) {
    cell.ariaSort = cell.dataset.field === order.field ? (order.down ? 'descending' : 'ascending') : 'none';
  }
  const value = ({ trial }) => trial[order.field] ?? Infinity;
  const compare = (one, other) => (value(one) < value(other) ? -1 : value(one) > value(other) ? 1 : one.trial.t - other.trial.t);
  const sorted = [...all].sort((one, other) => (order.down ? compare(other, one) : compare(one, other)));
  const focused = document.activeElement?.dataset?.key;
  $('table').tBodies[0].replaceChildren(...sorted.slice(0, rows).map((of) => {
    const { trial, run, second, kind, marked } = of;
    const row = make('tr', { tabIndex: 0, className: marked ? 'chosen-row' : '' });
    row.dataset.key = `${run.id}/${trial.t}`;
    const cells = columns.map(({ field, unit, bound }) => make('td', {
      textContent: trial[field] === null ? '–' : FORMATS[unit](trial[field]),
      className: bound !== undefined && bound !== null && trial[field] > bound ? 'over' : '',
    }));
    const name = make('td', {}, ...(kind === 'front' ? [make('i', { className: `key ${second ? 'second' : 'front'}`, title: 'on the front' })] : []), `${second ? `${run.asked.run} ` : ''}${trial.t}`);
    row.append(name, ...cells, make('td', { textContent: `${trial.tr}/${trial.ep}` }), make('td', { textContent: trial.s, title: trial.why ?? '' }));
    row.addEventListener('click', () => choose(run, trial.t));
    row.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' || event.key === ' ') {
        event.preventDefault();
        choose(run, trial.t);
      }
    });
    return row;
  }));
  if (focused) $('table').querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true });
  $('more').hidden = sorted.length <= rows;
  $('more').textContent = `${sorted.length - rows} more`;
}

/** Opens the details of a network beside the one that was opened last, or closes them. */
function choose(run, trial) {
  const open = chosen.findIndex((other) => other.run === run && other.trial === trial);
  if (open >= 0) chosen.splice(open, 1);
  else chosen = [...chosen, { run, trial }].slice(-2);
  drawDetails();
  draw();
  if (open < 0) {
    $('chosen').focus({ preventScroll: true });
    $('chosen').scrollIntoView({ block: 'nearest' });
  }
}

function drawDetails() {
  $('chosen').replaceChildren(...chosen.map(({ run, trial }) => {
    const files = `/api/runs/${run.id}/trials/${trial}`;
    const close = make('button', { type: 'button', textContent: 'close' });
    close.addEventListener('click', () => choose(run, trial));
    const body = make('div', { textContent: 'reading' });
    fetch(files).then(async (answer) => {
      const text = await answer.text();
      if (answer.ok) body.innerHTML = text;
      else body.textContent = text;
    });
    const link = (name, title) => {
      const anchor = make('a', { href: `${files}/${name}`, textContent: title });
      anchor.addEventListener('click', (event) => download(event, anchor));
      return anchor;
    };
    const actions = make('div', { className: 'actions' }, make('h2', { textContent: `${run.asked.run}, trial ${trial}` }), link('model.tflite', '.tflite'), link('c.zip', 'C source'), close);
    return make('article', {}, actions, body);
  }));
}

/** Saves a file, or says why there is none. */
async function download(event, anchor) {
  event.preventDefault();
  const answer = await fetch(anchor.href);
  if (!answer.ok) {
    trouble(await answer.text());
    return;
  }
  const name = /filename="([^"]+)"/.exec(answer.headers.get('content-disposition') ?? '')?.[1] ?? 'file';
  const address = URL.createObjectURL(await answer.blob());
  make('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

$('run').addEventListener('change', () => show('main', $('run').value));
$('other').addEventListener('change', () => show('other', $('other').value));
$('whole').addEventListener('change', draw);
$('inside').addEventListener('change', draw);
$('more').addEventListener('click', () => {
  rows += ROWS;
  draw();
});
$('reset').addEventListener('click', () => {
  limits.clear();
  [$('whole').checked, $('inside').checked] = [false, false];
  makeFilters();
  draw();
});
window.addEventListener('resize', draw);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && chosen.length) choose(chosen[chosen.length - 1].run, chosen[chosen.length - 1].trial);
});
const look = () => listRuns().catch((error) => trouble(error.message));
look();
setInterval(look, 10_000);
