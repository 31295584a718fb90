// Pictures on canvases: points, curves, parallel coordinates. They take values and colours, and know nothing of runs.

/** A colour of the page by its name. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** A canvas made ready to draw on in CSS pixels; null while it has no size. */
function ready(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return null;
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const paint = canvas.getContext('2d');
  paint.setTransform(ratio, 0, 0, ratio, 0, 0);
  paint.clearRect(0, 0, width, height);
  paint.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  return { paint, width, height };
}

/** From values to places: logarithmic where all values are above 0 and far apart. */
export class Scale {
  constructor(values, { least, log } = {}) {
    let low = Infinity;
    let high = -Infinity;
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (!(low <= high)) [low, high] = [0, 1];
    if (least !== undefined) low = Math.min(low, least);
    this.log = (log ?? true) && low > 0 && high / low > 8;
    const [from, to] = this.log ? [Math.log10(low), Math.log10(high)] : [low, high];
    const room = (to - from) * 0.04 || Math.abs(to) * 0.1 || 1;
    this.from = least === undefined || this.log ? from - room : Math.max(least, from - room);
    this.to = to + room;
  }

  /** The place of a value, from 0 to 1. */
  place(value) {
    return ((this.log ? Math.log10(Math.max(value, 1e-300)) : value) - this.from) / (this.to - this.from);
  }

  /** The value at a place. */
  value(place) {
    const value = this.from + place * (this.to - this.from);
    return this.log ? 10 ** value : value;
  }

  /** Round values along it. */
  ticks(count) {
    if (this.log) {
      const all = [];
      for (let power = Math.floor(this.from); power <= Math.ceil(this.to); power += 1) {
        for (const digit of [1, 2, 5]) all.push(digit * 10 ** power);
      }
      const inside = all.filter((tick) => this.place(tick) >= 0 && this.place(tick) <= 1);
      const decades = inside.filter((tick) => Number.isInteger(Math.round(Math.log10(tick) * 1e6) / 1e6));
      return inside.length > 2 * count && decades.length > 1 ? decades : inside;
    }
    const raw = (this.to - this.from) / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((digit) => digit * power).find((candidate) => candidate >= raw);
    const ticks = [];
    for (let tick = Math.ceil(this.from / step) * step; tick <= this.to; tick += step) ticks.push(Math.round(tick / step) * step);
    return ticks;
  }
}

/** Axes with their ticks; gives the rectangle within them and the places of values in it. */
function axes(canvas, x, y) {
  const { paint, width, height } = canvas;
  const [left, right, top, bottom] = [58, 12, 10, 38];
  const inside = { left, top, width: width - left - right, height: height - top - bottom };
  const across = (value) => inside.left + x.scale.place(value) * inside.width;
  const up = (value) => inside.top + (1 - y.scale.place(value)) * inside.height;
  paint.strokeStyle = colour('grid');
  paint.fillStyle = colour('muted');
  paint.lineWidth = 1;
  paint.textAlign = 'right';
  paint.textBaseline = 'middle';
  for (const tick of y.scale.ticks(5)) {
    const place = Math.round(up(tick)) + 0.5;
    paint.beginPath();
    paint.moveTo(inside.left, place);
    paint.lineTo(inside.left + inside.width, place);
    paint.stroke();
    paint.fillText(y.format(tick), inside.left - 6, place);
  }
  paint.textAlign = 'center';
  paint.textBaseline = 'top';
  let free = -Infinity;
  for (const tick of x.scale.ticks(Math.max(2, Math.floor(inside.width / 80)))) {
    const text = x.format(tick);
    const half = paint.measureText(text).width / 2 + 4;
    if (across(tick) - half < free) continue;
    free = across(tick) + half;
    paint.fillText(text, across(tick), inside.top + inside.height + 5);
  }
  paint.fillText(x.title, inside.left + inside.width / 2, height - 15);
  paint.strokeStyle = colour('rule');
  paint.strokeRect(inside.left + 0.5, inside.top + 0.5, inside.width, inside.height);
  return { inside, across, up };
}

/** Points of networks, which can be pointed at. */
export class Scatter {
  /** `chosen` is called with the point that is clicked, `pointed` with the one under the pointer or null, and the event. */
  constructor(canvas, { chosen, pointed }) {
    this.canvas = canvas;
    this.places = [];
    canvas.addEventListener('click', (event) => {
      const found = this.nearest(event);
      if (found) chosen(found);
    });
    canvas.addEventListener('pointermove', (event) => {
      const found = this.nearest(event);
      canvas.style.cursor = found ? 'pointer' : '';
      pointed(found, event);
    });
    canvas.addEventListener('pointerleave', (event) => pointed(null, event));
  }

  /** points: {x, y, kind: 'front' | 'inside' | 'outside', second: of the other run, marked}; bounds of both axes, if any. */
  draw({ points, x, y, bound }) {
    const canvas = ready(this.canvas);
    if (!canvas) return;
    const { paint } = canvas;
    const { inside, across, up } = axes(canvas, x, y);
    if (bound) {
      const place = Math.min(Math.max(across(bound), inside.left), inside.left + inside.width);
      paint.fillStyle = colour('wanted');
      paint.fillRect(inside.left, inside.top, place - inside.left, inside.height);
      paint.strokeStyle = colour('good');
      paint.setLineDash([6, 4]);
      paint.beginPath();
      paint.moveTo(place, inside.top);
      paint.lineTo(place, inside.top + inside.height);
      paint.stroke();
      paint.setLineDash([]);
    }
    const styles = { outside: colour('dot-out'), inside: colour('dot'), front: colour('accent') };
    const second = colour('second');
    const card = colour('card');
    this.places = [];
    for (const kind of ['outside', 'inside', 'front']) {
      for (const point of points) {
        if (point.kind !== kind) continue;
        const [left, top] = [across(point.x), up(point.y)];
        this.places.push({ left, top, point });
        paint.beginPath();
        paint.arc(left, top, kind === 'front' ? 4.5 : 2.6, 0, 2 * Math.PI);
        const style = point.second ? second : styles[kind];
        if (kind === 'outside') {
          paint.strokeStyle = style;
          paint.stroke();
        } else {
          paint.fillStyle = style;
          paint.globalAlpha = kind === 'front' ? 1 : 0.7;
          paint.fill();
          paint.globalAlpha = 1;
          if (kind === 'front') {
            paint.strokeStyle = card;
            paint.stroke();
          }
        }
        if (point.marked) {
          paint.strokeStyle = colour('text');
          paint.lineWidth = 2;
          paint.beginPath();
          paint.arc(left, top, 8, 0, 2 * Math.PI);
          paint.stroke();
          paint.lineWidth = 1;
        }
      }
    }
  }

  /** The point under the pointer; members of the front are found first. */
  nearest(event) {
    const box = this.canvas.getBoundingClientRect();
    const [left, top] = [event.clientX - box.left, event.clientY - box.top];
    let best = null;
    let least = 14 * 14;
    for (const place of this.places) {
      const handicap = place.point.kind === 'front' ? 0 : 30;
      const distance = (place.left - left) ** 2 + (place.top - top) ** 2 + handicap;
      if (distance < least) [best, least] = [place.point, distance];
    }
    return best;
  }
}

/** A curve that grows towards the last of the rungs, after each of which the training may rest. */
export function drawCurve(element, errors, rungs, format) {
  const canvas = ready(element);
  if (!canvas) return;
  const { paint } = canvas;
  const x = { scale: new Scale([1, Math.max(2, ...rungs)], { log: false }), format: (tick) => tick.toFixed(0), title: 'epoch' };
  const y = { scale: new Scale(errors, { least: 0, log: false }), format };
  const { inside, across, up } = axes(canvas, x, y);
  paint.strokeStyle = colour('rule');
  paint.setLineDash([3, 3]);
  for (const rung of rungs) {
    paint.beginPath();
    paint.moveTo(across(rung), inside.top);
    paint.lineTo(across(rung), inside.top + inside.height);
    paint.stroke();
  }
  paint.setLineDash([]);
  paint.strokeStyle = colour('accent');
  paint.lineWidth = 1.8;
  paint.beginPath();
  errors.forEach((error, index) => paint[index ? 'lineTo' : 'moveTo'](across(index + 1), up(error)));
  paint.stroke();
  if (errors.length) {
    paint.fillStyle = colour('accent');
    paint.beginPath();
    paint.arc(across(errors.length), up(errors[errors.length - 1]), 3.5, 0, 2 * Math.PI);
    paint.fill();
  }
}

/** Networks as lines through parallel axes; lines: {values: one for each axis, second, marked}. */
export function drawParallel(element, columns, lines) {
  const canvas = ready(element);
  if (!canvas) return;
  const { paint, width, height } = canvas;
  const [left, right, top, bottom] = [46, 46, 30, 26];
  const at = (index) => left + (index * (width - left - right)) / Math.max(1, columns.length - 1);
  const scales = columns.map((_, index) => new Scale(lines.map((line) => line.values[index])));
  const up = (index, value) => top + (1 - scales[index].place(value)) * (height - top - bottom);
  for (const line of [...lines].sort((one, other) => Number(one.marked) - Number(other.marked))) {
    paint.strokeStyle = line.marked ? colour('text') : colour(line.second ? 'second' : 'accent');
    paint.globalAlpha = line.marked ? 1 : 0.45;
    paint.lineWidth = line.marked ? 2.5 : 1.3;
    paint.beginPath();
    line.values.forEach((value, index) => paint[index ? 'lineTo' : 'moveTo'](at(index), up(index, value)));
    paint.stroke();
  }
  paint.globalAlpha = 1;
  paint.lineWidth = 1;
  columns.forEach((column, index) => {
    // The outermost titles stay within the picture.
    const isLast = index === columns.length - 1;
    paint.textAlign = index === 0 ? 'left' : isLast ? 'right' : 'center';
    const edge = index === 0 ? -left + 2 : isLast ? right - 2 : 0;
    paint.strokeStyle = colour('rule');
    paint.beginPath();
    paint.moveTo(at(index), top);
    paint.lineTo(at(index), height - bottom);
    paint.stroke();
    paint.fillStyle = colour('text');
    paint.textBaseline = 'top';
    paint.fillText(column.title, at(index) + edge, 0, (width - left - right) / Math.max(1, columns.length - 1) - 8);
    paint.fillStyle = colour('muted');
    const values = lines.map((line) => line.values[index]);
    if (!values.length) return;
    paint.fillText(column.format(Math.max(...values)), at(index) + edge, 15);
    paint.fillText(column.format(Math.min(...values)), at(index) + edge, height - bottom + 6);
  });
}
