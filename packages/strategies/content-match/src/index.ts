export { contentMatch, contentMatch as default } from './content-match.ts';
export type { ContentMatchOptions, FieldWeights } from './options.ts';
