/** Throws five million characters. */
export default function complain(): never {
  throw new Error('x'.repeat(5_000_000));
}
