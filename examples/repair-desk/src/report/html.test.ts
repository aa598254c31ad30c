import { describe, expect, test } from 'vitest';
import { escape, html, Html } from './html.ts';

describe('html', () => {
  test('escapes whatever is not HTML by its type', () => {
    const evil = '<script>alert("x")</script> & \'y\'';
    expect(html`<p title="${evil}">${evil}</p>`.text).toBe(`<p title="${escape(evil)}">${escape(evil)}</p>`);
    expect(escape(evil)).not.toMatch(/[<>"']/);
    expect(html`${new Html('<b>')}${[html`${1}`, html`<i></i>`]}`.text).toBe('<b>1<i></i>');
  });

  test('shows signs that would turn the reading direction, or end nothing, as missing', () => {
    expect(escape('a\u202eb\u0000c\ud800d\te')).toBe('a\ufffdb\ufffdc\ufffdd\te');
  });
});
