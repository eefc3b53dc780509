import path from 'node:path';

const SHOWN = 10;

/** Prints the slowest suites of a run with many suites, to see why tests take too long. */
class SlowestSuites {
  onRunComplete(_contexts, { testResults }) {
    if (testResults.length <= SHOWN) return;
    const suites = testResults.map(({ testFilePath, displayName, perfStats }) => ({
      name: `${displayName?.name} ${path.relative(process.cwd(), testFilePath)}`,
      seconds: (perfStats.end - perfStats.start) / 1000,
    }));
    const sum = suites.reduce((total, { seconds }) => total + seconds, 0);
    console.log(`\nThe slowest of ${suites.length} suites, which took ${sum.toFixed(0)} s together:`);
    for (const { name, seconds } of suites.sort((a, b) => b.seconds - a.seconds).slice(0, SHOWN)) {
      console.log(`${seconds.toFixed(1).padStart(6)} s  ${name}`);
    }
  }
}

export default SlowestSuites;
