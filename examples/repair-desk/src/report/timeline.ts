import type { Story } from '../result/story.ts';
import { html, nothing, type Html } from './html.ts';
import { layOutLanes, type Bar, type Lane } from './lanes.ts';
import type { Palette } from './palette.ts';

const width = 1_000;
const left = 74;
const right = 16;
const top = 34;
const rowHeight = 9;
const laneGap = 16;

/** The run as a picture: a lane for each worker, a bar for each attempt in its agent's colour, and where a worker died. */
export function timeline(stories: readonly Story[], palette: Palette): Html {
  const { lanes, length } = layOutLanes(stories);
  if (lanes.length === 0) return nothing;
  const x = (time: number): number => Math.round((left + (time / length) * (width - left - right)) * 10) / 10;
  const tops: number[] = [];
  let height = top;
  for (const lane of lanes) {
    tops.push(height);
    height += lane.rows * rowHeight + laneGap;
  }
  const bottom = height - laneGap + 6;
  const seconds = (length / 1_000).toFixed(1);
  const deaths = lanes.filter(({ death }) => death !== undefined).length;
  const said = `${lanes.length} ${lanes.length === 1 ? 'worker' : 'workers'} in ${seconds} seconds, ${deaths === 0 ? 'none of which died' : `${deaths} of which died`}`;
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Timeline, scrolls sideways">
    <svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${said}">
      <g class="grid">
        ${ticks(length).map(
          (time) =>
            html`<line x1="${x(time)}" x2="${x(time)}" y1="${top - 6}" y2="${bottom}" /><text
                x="${x(time)}"
                y="${height - 2}"
                text-anchor="middle"
                >${time / 1_000} s</text
              >`,
        )}
      </g>
      ${lanes.map((lane, index) => laneOf(lane, { y: tops[index]!, bottom, x, palette }))}
    </svg>
  </div>`;
}

interface Drawing {
  readonly y: number;
  readonly bottom: number;
  readonly x: (time: number) => number;
  readonly palette: Palette;
}

function laneOf(lane: Lane, drawing: Drawing): Html {
  const { y, x, bottom } = drawing;
  const { death } = lane;
  const middle = y + (lane.rows * rowHeight) / 2 + 4;
  const label = html`<text class="lane" x="${left - 10}" y="${middle}" text-anchor="end">worker ${lane.number}</text>`;
  const bars = lane.bars.map((bar) => barOf(bar, lane, drawing));
  if (death === undefined) return html`<g>${label}${bars}</g>`;
  const tasks = `${death.tasks} ${death.tasks === 1 ? 'task' : 'tasks'}`;
  const isLate = x(death.at) > width / 2;
  const anchor = isLate ? 'end' : 'start';
  const at = x(death.at) + (isLate ? -6 : 6);
  return html`<g
    >${label}${bars}
    <line class="death" x1="${x(death.at)}" x2="${x(death.at)}" y1="${top - 16}" y2="${bottom}" />
    <text class="death" x="${at}" y="${top - 14}" text-anchor="${anchor}"
      >✗ worker ${lane.number} dies with ${tasks} in hand; taken over
      ${((death.takenOverAt - death.at) / 1_000).toFixed(1)} s later</text
    ></g
  >`;
}

/** What a worker held when it died is drawn up to its last sign of life, and thinly up to the take-over. */
function barOf({ story, of, from, to, row }: Bar, { death }: Lane, { y, x, palette }: Drawing): Html {
  const end = of.end === 'crashed' && death !== undefined ? Math.max(from, death.at) : to;
  const wide = Math.max(1.2, x(end) - x(from));
  const above = y + row * rowHeight;
  const kind =
    of.end === 'refused' ? 'refused' : of.end === 'completed' ? 'done' : of.end === 'crashed' ? 'crashed' : 'again';
  const { problem } = story;
  const why = of.why === '' ? '' : `: ${of.why}`;
  const title = `${problem.file}:${problem.line}, ${of.agent}, attempt ${of.attempt}, ${of.end} after ${(to - from).toFixed(0)} ms${why}`;
  const wait =
    end < to
      ? html`<rect class="gap" x="${x(end)}" y="${above + 3}" width="${(x(to) - x(end)).toFixed(1)}" height="1.5" />`
      : nothing;
  return html`<rect
      class="${kind} ${palette.of(of.agent)}"
      x="${x(from)}"
      y="${above}"
      width="${wide.toFixed(1)}"
      height="${rowHeight - 2}"
      rx="1"
      ><title>${title}</title></rect
    >${wait}`;
}

function ticks(length: number): number[] {
  const steps = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 900_000, 3_600_000];
  const step = steps.find((each) => length / each <= 9) ?? Math.ceil(length / 9);
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, index) => index * step);
}
