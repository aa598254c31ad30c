// As bundlers write it that translate to CommonJS.
exports.__esModule = true;
exports.default = { id: 'ada', run: () => 'translated' };
