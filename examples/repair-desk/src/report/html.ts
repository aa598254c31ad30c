/** A piece of HTML that is fit to be put into a page. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a template: texts and numbers, which are escaped; pieces of HTML, and lists of them, which are not. */
export type Part = string | number | Html | readonly Html[];

/** Puts a page together. Whatever is not HTML by its type becomes text, so that nothing from a project is ever markup. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let text = strings[0]!;
  for (const [index, part] of parts.entries()) text += toText(part) + strings[index + 1]!;
  return new Html(text);
}

/** Nothing at all. */
export const nothing = new Html('');

/** A text for element content and quoted attributes; signs that would be invisible, or turn the reading direction, are shown as missing. */
export function escape(text: string): string {
  return text
    .replace(/[\p{Cs}\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd')
    .replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function toText(part: Part): string {
  if (part instanceof Html) return part.text;
  if (typeof part === 'string') return escape(part);
  if (typeof part === 'number') return String(part);
  return part.map(({ text }) => text).join('');
}
