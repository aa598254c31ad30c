import v8 from '@vitest/coverage-v8';
import type { CoverageProviderModule } from 'vitest/node';

/**
 * V8 coverage that measures only the projects which set `SYMPHONY_COVERAGE`, that is core: core must be covered by
 * its own tests, and nobody else's run gets slower.
 */
const onlyReports: CoverageProviderModule = { getProvider: () => v8.getProvider() };

export default process.env['SYMPHONY_COVERAGE'] === '1' ? v8 : onlyReports;
